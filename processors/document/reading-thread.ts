import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { DocumentAnswer, DocumentJob } from './document-reading.ts';

/** Beside this file in the sources, beside the function's bundle when deployed. */
const THREAD_FILE = new URL(`./document-thread${extname(import.meta.filename)}`, import.meta.url);

const MIB = 1024 * 1024;
/** Two threads of this size fit beside the worker: 1,769 MB in all. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64, stackSizeMb: 4 };
/** Unpacked streams lie outside the heap, where V8 sets no limit. */
const MAX_MEMORY_BYTES = 640 * MIB;
const LOOK_EVERY_MS = 100;
/** What libraries leak ends with the thread. */
const MAX_DOCUMENTS = 500;

/**
 * A thread that reads documents, one at a time. A document can keep its parser busy for hours or fill the memory; a thread can be ended in the middle
 * of that, a function can't. It has no environment, so no credentials.
 */
export class ReadingThread {
  readonly #worker = new Worker(THREAD_FILE, { env: {}, execArgv: [], resourceLimits: RESOURCE_LIMITS });
  #documents = 0;
  #isEnded = false;
  #end: ((answer: DocumentAnswer) => void) | undefined;

  constructor() {
    this.#worker.on('message', (answer: DocumentAnswer) => this.#end?.(answer));
    this.#worker.on('error', (error: Error & { code?: string }) => this.#abandon(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge() : damaged(error.message)));
    this.#worker.on('exit', () => this.#abandon(damaged('its thread ended')));
    this.#worker.unref();
  }

  get isUsable(): boolean {
    return !this.#isEnded && this.#documents < MAX_DOCUMENTS;
  }

  /** @throws the signal's reason when it aborts; the thread has ended then */
  async read({ body, ...job }: DocumentJob, signal: AbortSignal): Promise<DocumentAnswer> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<DocumentAnswer>();
    this.#documents++;
    this.#end = resolve;
    const onAbort = () => {
      reject(signal.reason as Error);
      this.close();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const watch = setInterval(() => void this.#lookAtMemory(), LOOK_EVERY_MS);
    try {
      // A copy of its own can change hands; what came may share its memory with others.
      const moved = new Uint8Array(body);
      this.#worker.postMessage({ ...job, body: moved } satisfies DocumentJob, [moved.buffer]);
      return await promise;
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', onAbort);
      this.#end = undefined;
    }
  }

  close(): void {
    this.#isEnded = true;
    void this.#worker.terminate();
  }

  async #lookAtMemory(): Promise<void> {
    const usage = await this.#worker.getHeapStatistics().catch(() => undefined);
    if (usage && usage.used_heap_size + usage.external_memory > MAX_MEMORY_BYTES) this.#abandon(tooLarge());
  }

  #abandon(answer: DocumentAnswer): void {
    this.#end?.(answer);
    this.close();
  }
}

const tooLarge = (): DocumentAnswer => ({ kind: 'fault', name: 'OversizedDocumentError', message: `expected a document that takes at most ${MAX_MEMORY_BYTES / MIB} MiB of memory to read` });
const damaged = (why: string): DocumentAnswer => ({ kind: 'fault', name: 'DamagedDocumentError', message: `reading the document failed: ${why}` });

/** Threads without a document: as many as documents were in work at once. */
const idle: ReadingThread[] = [];

/** @throws the signal's reason when it aborts */
export async function readInThread(job: DocumentJob, signal: AbortSignal): Promise<DocumentAnswer> {
  const thread = idle.pop() ?? new ReadingThread();
  try {
    return await thread.read(job, signal);
  } finally {
    if (thread.isUsable) idle.push(thread);
    else thread.close();
  }
}
