import { SaxesParser } from 'saxes';
import type { SaxesTagPlain } from 'saxes';
import { ManifestRefusedError } from '../errors.ts';
import { MAX_ROW_BYTES } from './limits.ts';
import { OVERSIZED_ROW, cutRow, fault } from './manifest-row.ts';
import type { ManifestRow, RowNaming } from './manifest-row.ts';

/** What a row of a sitemap index asks for. */
export const EXPAND_SITEMAP = 'sitemap';
/** Text, tag or comment: whatever the parser holds before it can say what it is. */
const MAX_TOKEN_CHARACTERS = 1024 * 1024;
const MAX_NESTING = 64;

/**
 * Sitemap XML (sitemaps.org): each `<url>` is a row with its `<loc>`; each `<sitemap>` of an index is a row that asks to be expanded.
 * Numbers count these elements, because a sitemap is often one long line. @throws ManifestRefusedError for other or broken XML
 */
export async function* readSitemap(body: AsyncIterable<Uint8Array>, naming: RowNaming): AsyncGenerator<ManifestRow[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = new SitemapReader(naming.primaryField);
  try {
    for await (const chunk of body) yield reader.push(decoder.decode(chunk, { stream: true }));
    yield reader.end(decoder.decode());
  } catch (error) {
    // A TypeError is the decoder's; other errors of the body (a cut download) stay what they are.
    if (error instanceof TypeError && 'code' in error && error.code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new ManifestRefusedError('expected sitemap XML in UTF-8, got bytes that are not: save it as UTF-8', { cause: error });
    }
    throw error;
  }
}

class SitemapReader {
  readonly #primaryField: string;
  readonly #parser = new SaxesParser();
  /** Names of the open elements, without the root's prefix. */
  readonly #path: string[] = [];
  #prefix = '';
  #charactersSinceToken = 0;
  #element = 0;
  #loc: string | undefined;
  #rows: ManifestRow[] = [];

  constructor(primaryField: string) {
    this.#primaryField = primaryField;
    this.#parser.on('xmldecl', ({ encoding }) => refuseOtherEncoding(encoding));
    this.#parser.on('opentag', (tag: SaxesTagPlain) => this.#enter(tag.name));
    this.#parser.on('closetag', () => this.#leave());
    this.#parser.on('text', (text) => this.#addText(text));
    this.#parser.on('cdata', (text) => this.#addText(text));
  }

  push(text: string): ManifestRow[] {
    this.#charactersSinceToken += text.length;
    parseOrRefuse(() => this.#parser.write(text));
    if (this.#charactersSinceToken > MAX_TOKEN_CHARACTERS) throw new ManifestRefusedError('expected sitemap XML, got more than 1 MiB without a tag');
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }

  end(text: string): ManifestRow[] {
    const rows = this.push(text);
    parseOrRefuse(() => this.#parser.close());
    return rows;
  }

  #enter(name: string): void {
    this.#charactersSinceToken = 0;
    if (this.#path.length === 0) this.#prefix = prefixOfRoot(name);
    if (this.#path.length >= MAX_NESTING) throw new ManifestRefusedError(`expected sitemap XML, got elements nested deeper than ${MAX_NESTING}`);
    this.#path.push(name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : name);
    if (this.#isEntry()) this.#loc = undefined;
    else if (this.#isLoc()) this.#loc ??= '';
  }

  #leave(): void {
    this.#charactersSinceToken = 0;
    if (this.#isEntry()) this.#rows.push(this.#row(++this.#element, this.#loc?.trim()));
    this.#path.pop();
  }

  #addText(text: string): void {
    // Beyond the bound it only has to be seen that it is too long.
    if (this.#isLoc() && this.#loc!.length <= MAX_ROW_BYTES) this.#loc += text;
  }

  /** `<url>` in `<urlset>`, `<sitemap>` in `<sitemapindex>`; an `<image:loc>` further down is neither. */
  #isEntry(): boolean {
    return this.#path.length === 2 && this.#path[1] === (this.#isIndex() ? 'sitemap' : 'url');
  }

  #isLoc(): boolean {
    return this.#path.length === 3 && this.#path[2] === 'loc' && this.#path[1] === (this.#isIndex() ? 'sitemap' : 'url');
  }

  #isIndex(): boolean {
    return this.#path[0] === 'sitemapindex';
  }

  #row(line: number, loc: string | undefined): ManifestRow {
    if (loc === undefined || loc === '') return fault(line, '', `expected a <loc> in <${this.#path[1]}>, got none`);
    if (Buffer.byteLength(loc) > MAX_ROW_BYTES) return fault(line, cutRow(loc), OVERSIZED_ROW);
    const fields = this.#isIndex() ? { [this.#primaryField]: loc, expand: EXPAND_SITEMAP } : { [this.#primaryField]: loc };
    return { kind: 'fields', line, text: loc, fields };
  }
}

function prefixOfRoot(name: string): string {
  const [, prefix, local] = /^([^:]+:)?(.*)$/.exec(name)!;
  if (local === 'urlset' || local === 'sitemapindex') return prefix ?? '';
  throw new ManifestRefusedError(`expected a sitemap (<urlset> or <sitemapindex>), got <${name.slice(0, 60)}>`);
}

function refuseOtherEncoding(encoding: string | undefined): void {
  if (encoding === undefined || /^(?:utf-?8|us-ascii)$/i.test(encoding)) return;
  throw new ManifestRefusedError(`expected sitemap XML in UTF-8, got ${encoding.slice(0, 40)}: save it as UTF-8`);
}

function parseOrRefuse(parse: () => void): void {
  try {
    parse();
  } catch (error) {
    if (error instanceof ManifestRefusedError) throw error;
    throw new ManifestRefusedError(`expected well-formed XML, got a fault at ${(error as Error).message}`, { cause: error });
  }
}
