import { estimateTokenCount } from 'tokenx';
import type { JsonObject } from '../../shared/rows.ts';
import { cleanText, parseDocument, type DomDocument } from './dom.ts';
import { findMainContent } from './main-content.ts';
import { writeMarkdown } from './write-markdown.ts';

/** What one item gives: the row's `output`. */
export interface PageOutput extends JsonObject {
  readonly url: string;
  readonly finalUrl: string;
  readonly title: string;
  readonly description?: string;
  /** BCP 47, as the page says it. */
  readonly language?: string;
  /** The page's own canonical address, if it names one. */
  readonly canonicalUrl?: string;
  readonly markdown: string;
  /** An estimate: within some percent of common tokenizers for text in Latin script. */
  readonly tokens: number;
}

export interface SourcePage {
  readonly url: string;
  readonly finalUrl: string;
  readonly mediaType: string;
  readonly text: string;
}

const MAX_TITLE_CHARACTERS = 300;
const MAX_DESCRIPTION_CHARACTERS = 500;

/** @returns undefined for a page without content */
export function extractPage(page: SourcePage): PageOutput | undefined {
  const read = isMarkup(page) ? readHtml(page) : readPlainText(page);
  if (read.markdown === '') return undefined;
  const { title, markdown, ...rest } = read;
  const shownTitle = cut(title || titleFromUrl(page.finalUrl), MAX_TITLE_CHARACTERS);
  return { url: page.url, finalUrl: page.finalUrl, title: shownTitle, ...rest, markdown, tokens: estimateTokenCount(markdown) };
}

type Reading = Pick<PageOutput, 'title' | 'description' | 'language' | 'canonicalUrl' | 'markdown'>;

const isMarkup = ({ mediaType, text }: SourcePage): boolean =>
  mediaType === 'text/html' || mediaType === 'application/xhtml+xml' || (mediaType === '' && /^\s*<(?:!doctype|html|\?xml)/i.test(text));

function readPlainText({ text }: SourcePage): Reading {
  const markdown = text.replace(/\r\n?/g, '\n').trim();
  return { title: cleanText(/^#\s+(.+?)\s*#*$/m.exec(markdown)?.[1]), markdown };
}

/** What a page's head says of it, and its main content; '' where there is none. */
export function readHtml({ text, finalUrl }: Pick<SourcePage, 'text' | 'finalUrl'>): Reading {
  const document = parseDocument(text);
  const meta = readMeta(document);
  const baseUrl = URL.parse(document.querySelector('base[href]')?.getAttribute('href') ?? '', finalUrl)?.href ?? finalUrl;
  // Described first: finding the content may change the document.
  const described = describeDocument(document, meta, baseUrl);
  const content = findMainContent(document, isArticle(meta, text));
  return { ...described, markdown: content ? writeMarkdown(content, baseUrl) : '' };
}

/** What the head says of the page; the first heading where it has no title. */
function describeDocument(document: DomDocument, meta: MetaReader, baseUrl: string): Omit<Reading, 'markdown'> {
  const canonical = document.querySelector('link[rel=canonical]')?.getAttribute('href')?.trim();
  const canonicalUrl = canonical ? URL.parse(canonical, baseUrl)?.href : undefined;
  const description = cut(cleanText(meta('description') ?? meta('og:description')), MAX_DESCRIPTION_CHARACTERS);
  const language = cleanText(document.documentElement?.getAttribute('lang') ?? meta('content-language'));
  return {
    title: readTitle(document, meta),
    ...(description && { description }),
    ...(/^[a-z]{2,3}(?:-[a-z0-9]+)*$/i.test(language) && { language }),
    ...(canonicalUrl?.startsWith('http') && { canonicalUrl }),
  };
}

function readTitle(document: DomDocument, meta: MetaReader): string {
  const textOf = (selector: string): string => cleanText(document.querySelector(selector)?.textContent);
  return cleanText(meta('og:title')) || textOf('title') || textOf('h1');
}

type MetaReader = (name: string) => string | undefined;

/** First non-empty `content` by name, property or http-equiv. */
function readMeta(document: DomDocument): MetaReader {
  const values = new Map<string, string>();
  for (const node of document.querySelectorAll('meta[content]')) {
    const name = (node.getAttribute('property') ?? node.getAttribute('name') ?? node.getAttribute('http-equiv') ?? '').toLowerCase();
    const value = cleanText(node.getAttribute('content'));
    if (value !== '' && !values.has(name)) values.set(name, value);
  }
  return (name) => values.get(name);
}

const ARTICLE_DATA = /"@type"\s*:\s*\[?\s*"(?:\w*Article|\w*BlogPosting|Report)"/;

/** The page says of itself that it is an article: then readability is right far more often than structure is. */
const isArticle = (meta: MetaReader, html: string): boolean =>
  meta('article:published_time') !== undefined || meta('og:type')?.startsWith('article') === true || ARTICLE_DATA.test(html);

const cut = (text: string, maxCharacters: number): string => (text.length > maxCharacters ? `${text.slice(0, maxCharacters - 1).toWellFormed().trimEnd()}…` : text);

function titleFromUrl(url: string): string {
  const { pathname, host } = new URL(url);
  return pathname.split('/').findLast((segment) => segment !== '') ?? host;
}
