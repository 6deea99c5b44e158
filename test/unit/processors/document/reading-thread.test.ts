import { afterEach, expect, test, vi } from 'vitest';
import type { DocumentJob } from '../../../../processors/document/document-reading.ts';
import { optionsSchema } from '../../../../processors/document/options.ts';
import { ReadingThread } from '../../../../processors/document/reading-thread.ts';
import { bombPdf, endlessPdf } from '../../../support/documents.ts';

const job = (body: Uint8Array | string): DocumentJob => ({ body: Buffer.from(body), contentType: '', options: optionsSchema.parse({}) });
const never = new AbortController().signal;
const threads: ReadingThread[] = [];
afterEach(() => {
  for (const thread of threads.splice(0)) thread.close();
});

function start(): ReadingThread {
  const thread = new ReadingThread();
  threads.push(thread);
  return thread;
}

test('a thread reads one document after the other, and leaves their bytes alone', async () => {
  const thread = start();
  const body = Buffer.from('Hello');
  for (let i = 0; i < 2; i++) expect(await thread.read({ ...job(''), body }, never)).toMatchObject({ kind: 'read', reading: { text: 'Hello' } });
  expect([thread.isUsable, body.toString()]).toEqual([true, 'Hello']);
});

test('a document that is read for hours ends with the signal, and its thread with it', async () => {
  const thread = start();
  await thread.read(job('warm'), never);
  const stop = new AbortController();
  const looked = vi.fn<() => void>();
  const reading = thread.read(job(endlessPdf()), stop.signal);
  // The worker goes on meanwhile: that is what the thread is for.
  setImmediate(() => {
    looked();
    stop.abort(new Error('time is over'));
  });
  await expect(reading).rejects.toThrow('time is over');
  expect(looked).toHaveBeenCalledOnce();
  expect(thread.isUsable).toBe(false);
});

test('a document that fills the memory is too large, and the thread ends', async () => {
  const bomb = bombPdf();
  expect(bomb.length).toBeLessThan(100_000);
  const thread = start();
  expect(await thread.read(job(bomb), never)).toEqual({ kind: 'fault', name: 'OversizedDocumentError', message: 'expected a document that takes at most 640 MiB of memory to read' });
  expect(thread.isUsable).toBe(false);
});

test('nothing is begun with a signal that has aborted', async () => {
  const thread = start();
  await expect(thread.read(job('Hello'), AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
  expect(thread.isUsable).toBe(true);
});
