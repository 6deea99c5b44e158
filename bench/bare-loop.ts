import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { Agent, request } from 'undici';
import { extractPage } from '../processors/llms-txt/extract-page.ts';

/** What someone writes in ten minutes: fetch, extract, count. No robots.txt, no limits, no address guard, no results kept. */

/** As many fetches at once as the llms-txt processor has. */
const CONCURRENCY = 8;

export interface BareLoop {
  /** @returns how many pages gave text */
  run(urls: readonly string[]): Promise<number>;
  stop(): Promise<void>;
}

/** As many threads as the job has workers; each takes every n-th page. */
export function startBareLoop(threads: number): BareLoop {
  const workers = Array.from({ length: threads }, () => new Worker(new URL(import.meta.url)));
  return {
    async run(urls) {
      const counts = workers.map(async (worker, n) => {
        worker.postMessage(urls.filter((_, i) => i % threads === n));
        const [count] = (await once(worker, 'message')) as [number];
        return count;
      });
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
    stop: async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
  };
}

async function extractAll(urls: readonly string[]): Promise<number> {
  const dispatcher = new Agent();
  const queue = urls.values();
  let succeeded = 0;
  const runNext = async () => {
    for (const url of queue) if (await fetchAndExtract(url, dispatcher)) succeeded++;
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, runNext));
  await dispatcher.close();
  return succeeded;
}

async function fetchAndExtract(url: string, dispatcher: Agent): Promise<boolean> {
  const response = await request(url, { dispatcher });
  const text = await response.body.text();
  // As in the processor: linkedom keeps documents alive in a loop that never yields.
  await nextTurn();
  return extractPage({ url, finalUrl: url, mediaType: 'text/html', text }) !== undefined;
}

if (!isMainThread) parentPort!.on('message', (urls: readonly string[]) => void extractAll(urls).then((count) => parentPort!.postMessage(count)));
