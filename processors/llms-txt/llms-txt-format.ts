/** The llms.txt format: H1, summary, prose, H2 sections of links. https://llmstxt.org */

export interface SiteFile {
  readonly title: string;
  readonly summary: string;
  /** One paragraph. */
  readonly prose: string;
  readonly sections: readonly Section[];
}

export interface Section {
  readonly title: string;
  readonly links: readonly SiteLink[];
}

export interface SiteLink {
  readonly title: string;
  readonly url: string;
  readonly note?: string;
}

export const OPTIONAL_SECTION = 'Optional';

export function formatSiteFile({ title, summary, prose, sections }: SiteFile): string {
  const head = `# ${escapeLine(title)}\n\n> ${escapeLine(summary)}\n\n${escapeLine(prose)}\n`;
  return head + sections.map((section) => `\n## ${escapeLine(section.title)}\n\n${section.links.map(formatLink).join('')}`).join('');
}

function formatLink({ title, url, note }: SiteLink): string {
  const text = note ? `: ${escapeLine(note)}` : '';
  return `- [${escapeLine(title)}](${escapeUrl(url)})${text}\n`;
}

/**
 * A stranger's text as one line that is read as that text and nothing else. Brackets become parentheses: the format's own reference parser
 * ends a link's title at the first `]`, escaped or not.
 */
export function escapeLine(text: string): string {
  const line = toLine(text).replaceAll('[', '(').replaceAll(']', ')');
  // A trailing or leading `#` closes or opens a heading; `-`, `+`, `>` and `1.` open lists and quotes.
  return line.replace(/[\\`*<>#~|]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])|&(?=#?\w+;)/gu, '\\$&').replace(/^([-+=]|\d+(?=[.)]))/, '\\$1').replace(/^\\(\d+)([.)])/, '$1\\$2');
}

/** White space, line ends and control characters as single blanks; '' if nothing else is there. */
export const toLine = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();

const URL_ESCAPES: Readonly<Record<string, string>> = { '(': '%28', ')': '%29', '\\': '%5C', '<': '%3C', '>': '%3E', '[': '%5B', ']': '%5D', ' ': '%20' };

/** Nothing that could end the link or be read as an entity. */
const escapeUrl = (url: string): string => url.replace(/[()\\<>[\] ]/g, (character) => URL_ESCAPES[character]!).replace(/(&#?\w+);/g, '$1%3B');
