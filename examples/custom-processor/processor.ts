import { z } from 'zod';
import type { ProcessAnswer, ProcessContext, Processor, ProcessorItem, RowReading } from '../../processors/processor.ts';
import { canonicalUrl } from '../../shared/web-url.ts';
import { countWords, readHtml } from './count-words.ts';
import { mergeCounts } from './merge-counts.ts';

const optionsSchema = z.strictObject({
  /** How fast people read. @default 230 */
  wordsPerMinute: z.int().min(1).max(2000).default(230),
  /** Items with fewer words are skipped. @default 0 */
  minWords: z.int().min(0).default(0),
});

export type WordCountOptions = z.infer<typeof optionsSchema>;
/** What the planner stores of a row and the worker gets back: small, and nothing but JSON. */
export type WordCountInput = { readonly url: string } | { readonly text: string };

const MEDIA_TYPES = ['text/html', 'application/xhtml+xml', 'text/plain', 'text/markdown'];
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** Counts the words of texts and of web pages. */
export const wordCount: Processor<WordCountInput, WordCountOptions> = {
  name: 'word-count',
  summary: 'Counts words, links and reading time of texts and web pages.',
  workerClass: 'web',
  primaryField: 'text',
  primaryAliases: ['url', 'loc', 'link', 'content'],
  optionsSchema,
  itemsPerBatch: 100,
  concurrency: 8,
  readRow,
  process: countItem,
  merge: mergeCounts,
};

/** A text that begins like a web address is one: a page to be fetched. */
function readRow({ text }: Readonly<Record<string, unknown>>): RowReading<WordCountInput> {
  if (typeof text !== 'string' || text.trim() === '') return { kind: 'invalid', reason: 'expected a `text` or a `url`, got none' };
  if (!/^\s*https?:\/\//i.test(text)) return { kind: 'item', input: { text }, equalityKey: `text:${text}` };
  const url = canonicalUrl(text);
  if (!url.ok) return { kind: 'invalid', reason: url.reason };
  return { kind: 'item', input: { url: url.href }, equalityKey: `url:${url.href}`, limitKey: `host:${url.host}` };
}

async function countItem({ input }: ProcessorItem<WordCountInput>, context: ProcessContext<WordCountOptions>): Promise<ProcessAnswer> {
  if ('url' in input) return countPage(input.url, context);
  return answerFor({ text: input.text, links: 0 }, context.options);
}

/** Each way in which a fetch may end has its verdict; only what nobody expected is thrown. */
async function countPage(url: string, { fetchPage, signal, options }: ProcessContext<WordCountOptions>): Promise<ProcessAnswer> {
  const page = await fetchPage({ url, signal, mediaTypes: MEDIA_TYPES, maxBodyBytes: MAX_PAGE_BYTES });
  if (page.kind === 'held') return { verdict: 'held', until: page.until };
  if (page.kind === 'disallowed') return { verdict: 'skipped', reason: 'robots' };
  if (page.kind === 'failed') return { verdict: 'failed', error: page.error };
  const isHtml = page.mediaType.endsWith('html') || page.mediaType.endsWith('xml');
  return answerFor(isHtml ? readHtml(page.text()) : { text: page.text(), links: 0 }, options);
}

function answerFor({ text, links }: { text: string; links: number }, { wordsPerMinute, minWords }: WordCountOptions): ProcessAnswer {
  const count = countWords(text, { links, wordsPerMinute });
  if (count.words < minWords) return { verdict: 'skipped', reason: `fewer than ${minWords} words` };
  return { verdict: 'succeeded', output: { ...count } };
}
