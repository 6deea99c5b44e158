import { parseHTML } from 'linkedom';

export interface WordCount {
  readonly words: number;
  readonly links: number;
  /** Rounded up; 0 if there is no word. */
  readonly readingMinutes: number;
}

/** Words by Unicode's rules (UAX #29), so that languages without spaces count too. Pure. */
export function countWords(text: string, { links, wordsPerMinute }: { links: number; wordsPerMinute: number }): WordCount {
  const words = [...WORDS.segment(text)].filter(({ isWordLike }) => isWordLike).length;
  return { words, links, readingMinutes: Math.ceil(words / wordsPerMinute) };
}

/** One for all: building a segmenter costs more than a short text. */
const WORDS = new Intl.Segmenter('en', { granularity: 'word' });

/** What a reader sees of a page, and the number of its links. */
export function readHtml(html: string): { readonly text: string; readonly links: number } {
  // linkedom takes a fragment without `body` for an empty page.
  const { document } = parseHTML(/<body[\s>]/i.test(html) ? html : `<!doctype html><html><body>${html}</body></html>`) as unknown as { document: PageDocument };
  for (const unseen of document.querySelectorAll('head, script, style, template, noscript')) unseen.remove();
  // Text of neighbouring blocks would grow together: `</h1><p>` is a word's end, `</b>` is not.
  for (const block of document.querySelectorAll('p, div, li, td, th, h1, h2, h3, h4, h5, h6, br, pre, tr, dt, dd, option, title')) block.after(' ');
  return { text: document.documentElement.textContent, links: document.querySelectorAll('a[href]').length };
}

/** The part of the DOM that is used; the compiler's own types of it are for browsers. */
interface PageDocument {
  readonly documentElement: { readonly textContent: string };
  querySelectorAll(selectors: string): Iterable<{ remove(): void; after(text: string): void }> & { readonly length: number };
}
