import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import type { ItemError, JsonObject } from '../../shared/rows.ts';
import { canonicalUrl } from '../../shared/web-url.ts';
import type { ExpandContext, ProcessAnswer, ProcessContext, Processor, ProcessorItem, RowReading } from '../processor.ts';
import type { extractPage } from './extract-page.ts';

const DEFAULT_TOKENS_PER_FILE = 200_000;

const optionsSchema = z.strictObject({
  /** An `llms-full.txt` that would hold more is split; a longer page has a file of its own. */
  maxTokensPerFile: z.int().min(1000).max(10_000_000).default(DEFAULT_TOKENS_PER_FILE),
  /** Writes each page as Markdown of its own. */
  twins: z.boolean().default(true),
});

export type LlmsTxtOptions = z.infer<typeof optionsSchema>;
export type LlmsTxtInput = JsonObject & { readonly url: string };

/** How a row may ask for more rows. */
const EXPANSIONS = ['sitemap', 'links'] as const;

const MEDIA_TYPES = ['text/html', 'application/xhtml+xml', 'text/markdown', 'text/x-markdown', 'text/plain'];
/** Parsing is what it costs: larger pages are data, not text. */
const MAX_PAGE_BYTES = 5 * 1024 * 1024;

/** Makes `llms.txt`, `llms-full.txt` and Markdown twins of whole sites from their pages. */
export const llmsTxt: Processor<LlmsTxtInput, LlmsTxtOptions> = {
  name: 'llms-txt',
  summary: "Fetches pages and writes each site's llms.txt, llms-full.txt and a Markdown twin of every page.",
  workerClass: 'web',
  primaryField: 'url',
  primaryAliases: ['loc', 'link', 'href', 'website', 'page'],
  optionsSchema,
  itemsPerBatch: 50,
  concurrency: 8,
  readRow,
  expand: expandPages,
  process: processPage,
  merge: async (input) => (await import('./merge-sites.ts')).mergeSites(input),
};

function readRow(fields: JsonObject): RowReading<LlmsTxtInput> {
  const { url: text, expand } = fields;
  if (typeof text !== 'string' || text.trim() === '') return { kind: 'invalid', reason: 'expected a `url`, got none' };
  const url = canonicalUrl(text);
  if (!url.ok) return { kind: 'invalid', reason: url.reason };
  if (expand === undefined || expand === null || expand === '') return { kind: 'item', input: { url: url.href }, equalityKey: url.href, limitKey: `host:${url.host}` };
  const how = EXPANSIONS.find((known) => known === expand);
  return how ? { kind: 'expand', how } : { kind: 'invalid', reason: `expected \`expand\` to be ${EXPANSIONS.join(' or ')}, got ${JSON.stringify(expand)}` };
}

// Every function knows every processor, and most need its rows and options only: what reads pages and counts tokens is loaded by who calls it.

async function* expandPages(fields: JsonObject, context: ExpandContext<LlmsTxtOptions>): AsyncGenerator<JsonObject> {
  const { expandRow } = await import('./expand-row.ts');
  yield* expandRow(fields, context);
}

async function processPage({ input }: ProcessorItem<LlmsTxtInput>, { fetchPage, signal }: ProcessContext<LlmsTxtOptions>): Promise<ProcessAnswer> {
  const answer = await fetchPage({ url: input.url, signal, mediaTypes: MEDIA_TYPES, maxBodyBytes: MAX_PAGE_BYTES });
  if (answer.kind === 'held') return { verdict: 'held', until: answer.until, ...(answer.limit !== undefined && { limit: answer.limit }) };
  if (answer.kind === 'disallowed') return { verdict: 'skipped', reason: 'robots' };
  if (answer.kind === 'failed') return { verdict: 'failed', error: answer.error };
  // linkedom keeps documents alive in a loop that never yields.
  await nextTurn();
  const { extractPage: extract } = await import('./extract-page.ts');
  return readPage(extract, { url: input.url, finalUrl: answer.url, mediaType: answer.mediaType, text: answer.text() });
}

function readPage(extract: typeof extractPage, page: Parameters<typeof extractPage>[0]): ProcessAnswer {
  const { finalUrl } = page;
  try {
    const output = extract(page);
    return output ? { verdict: 'succeeded', output } : failed('EmptyPageError', `expected text in the main content, got none from ${finalUrl}`);
  } catch (error) {
    return failed('ExtractionError', `the page can't be read as HTML: ${error instanceof Error ? error.message : String(error)} (${finalUrl})`);
  }
}

const failed = (name: string, message: string): ProcessAnswer => ({ verdict: 'failed', error: { name, message, retryable: false } satisfies ItemError });
