import { mapConcurrently } from '../../shared/map-concurrently.ts';
import type { ResultRow } from '../../shared/rows.ts';
import type { MergeInput, MergeOutput } from '../processor.ts';
import type { PageOutput } from './extract-page.ts';
import { siteFolder, twinPath } from './file-names.ts';
import { escapeLine, formatSiteFile, toLine } from './llms-txt-format.ts';
import type { LlmsTxtOptions } from './processor.ts';
import { groupIntoSections } from './sections.ts';
import { TextSpool, type SpoolRef } from './spool.ts';

/** What is kept in memory of a page. */
interface Page {
  readonly line: number;
  readonly url: string;
  readonly title: string;
  readonly description: string | undefined;
  readonly tokens: number;
  readonly text: SpoolRef;
}

interface Site {
  readonly folder: string;
  /** By the URL without its scheme: the same page over http and https is one. */
  readonly pages: Map<string, Page>;
}

/** A function's connections to the object store. */
const WRITES_AT_ONCE = 16;
const TEXT = 'text/plain; charset=utf-8';
const MARKDOWN = 'text/markdown; charset=utf-8';
/** In `llms.txt` a note is a hint, not the page. */
const MAX_NOTE_CHARACTERS = 300;

/**
 * Writes `sites/<host>/llms.txt`, `llms-full.txt` and the twins of every site that has a page. The files depend on the rows alone, not on
 * their order: of two rows that ended at the same page the one with the lower line counts. Texts wait on disk, not in memory.
 */
export async function mergeSites({ rows, options, output }: MergeInput<LlmsTxtOptions>): Promise<void> {
  await using spool = await TextSpool.create();
  const sites = await collectSites(rows(), spool);
  await spool.flush();
  for (const site of [...sites.values()].sort((a, b) => compare(a.folder, b.folder))) await writeSite(site, { options, output, spool });
}

async function collectSites(rows: AsyncIterable<ResultRow>, spool: TextSpool): Promise<Map<string, Site>> {
  const sites = new Map<string, Site>();
  for await (const row of rows) {
    if (row.verdict !== 'succeeded') continue;
    const page = row.output as PageOutput;
    const folder = siteFolder(page.finalUrl);
    const site = sites.get(folder) ?? { folder, pages: new Map<string, Page>() };
    sites.set(folder, site);
    const key = page.finalUrl.replace(/^https?:/, '');
    const known = site.pages.get(key);
    if (known && known.line < row.line) continue;
    const { tokens, finalUrl: url } = page;
    const title = toLine(page.title) || url;
    const description = toLine(page.description?.slice(0, MAX_NOTE_CHARACTERS).toWellFormed() ?? '') || undefined;
    site.pages.set(key, { line: row.line, url, title, description, tokens, text: await spool.add(page.markdown) });
  }
  return sites;
}

interface SiteTools {
  readonly options: LlmsTxtOptions;
  readonly output: MergeOutput;
  readonly spool: TextSpool;
}

async function writeSite({ folder, pages }: Site, tools: SiteTools): Promise<void> {
  const { options, output, spool } = tools;
  const sorted = [...pages].sort(([a], [b]) => compareUrls(a, b)).map(([, page]) => page);
  const files = splitByTokens(sorted, options.maxTokensPerFile);
  await output.write(`${folder}/llms.txt`, describeSite(sorted, files.length), TEXT);
  for (const [i, group] of files.entries()) await output.writeStream(`${folder}/${fullFileName(i)}`, fullText(group, { part: i + 1, parts: files.length, spool }), TEXT);
  if (!options.twins) return;
  await mapConcurrently(sorted, WRITES_AT_ONCE, async (page) => {
    await output.write(`${folder}/${twinPath(page.url)}`, `${heading(page)}${await spool.read(page.text)}\n`, MARKDOWN);
  });
}

const fullFileName = (index: number): string => (index === 0 ? 'llms-full.txt' : `llms-full-${index + 1}.txt`);

/** Pages stay whole and in order; a page above the bound is alone. At least one file. */
function splitByTokens(pages: readonly Page[], maxTokens: number): Page[][] {
  const files: Page[][] = [];
  let tokens = Infinity;
  for (const page of pages) {
    if (tokens + page.tokens > maxTokens) {
      files.push([]);
      tokens = 0;
    }
    files.at(-1)!.push(page);
    tokens += page.tokens;
  }
  return files;
}

function describeSite(pages: readonly Page[], fullFiles: number): string {
  const { host } = new URL(pages[0]!.url);
  const home = pages.find(({ url }) => new URL(url).pathname === '/');
  const tokens = pages.reduce((sum, page) => sum + page.tokens, 0);
  const where = fullFiles === 1 ? 'llms-full.txt' : `llms-full.txt to ${fullFileName(fullFiles - 1)}`;
  return formatSiteFile({
    title: home?.title || host,
    summary: home?.description || `Pages of ${host}.`,
    prose: `${pages.length} ${pages.length === 1 ? 'page' : 'pages'}, about ${tokens} tokens; the full text is in ${where}.`,
    sections: groupIntoSections(pages).map(({ title, pages: members }) => ({
      title,
      links: members.map((page) => ({ title: page.title, url: page.url, ...(page.description && { note: page.description }) })),
    })),
  });
}

async function* fullText(pages: readonly Page[], { part, parts, spool }: { part: number; parts: number; spool: TextSpool }): AsyncGenerator<string> {
  const { host } = new URL(pages[0]!.url);
  const tokens = pages.reduce((sum, page) => sum + page.tokens, 0);
  yield `# ${escapeLine(host)}: full text${parts === 1 ? '' : `, part ${part} of ${parts}`}\n\n${pages.length} pages, about ${tokens} tokens\n`;
  for (const page of pages) yield `\n---\n\n${heading(page)}${await spool.read(page.text)}\n`;
}

const heading = ({ title, url, tokens }: Page): string => `# ${escapeLine(title)}\n\nSource: ${url}\nTokens: ${tokens}\n\n`;

/** By path segment, so that a folder's pages stay together; a page before what is below it. */
function compareUrls(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  for (let i = 0; i < Math.min(left.length, right.length); i++) if (left[i] !== right[i]) return compare(left[i]!, right[i]!);
  return left.length - right.length;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
