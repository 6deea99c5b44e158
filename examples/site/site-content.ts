import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SitePage {
  /** Path below the origin; ends in `/` for the first page of a folder. */
  readonly path: string;
  readonly section: string;
  readonly title: string;
  readonly description: string;
  /** ISO 8601 day: published, or changed last. */
  readonly date: string;
  readonly language: string;
  readonly charset: string;
  /** Where the charset is said: in the header and the document, or in the document only. */
  readonly charsetIn: 'header' | 'document';
  readonly body: string;
}

/** The content files, in the order of the navigation. */
export const SECTIONS = ['home', 'guides', 'tutorials', 'api', 'blog', 'changelog', 'about', 'deutsch', 'français', 'español', '日本語'] as const;

const FILES: Readonly<Record<(typeof SECTIONS)[number], string>> = {
  home: 'home.md',
  guides: 'guides.md',
  tutorials: 'tutorials.md',
  api: 'api.md',
  blog: 'blog.md',
  changelog: 'changelog.md',
  about: 'about.md',
  deutsch: 'de.md',
  français: 'fr.md',
  español: 'es.md',
  日本語: 'ja.md',
};

const DEFAULT_DATE = '2026-06-15';

/** Every page of the site. @throws if a content file has a page without title or description */
export function readSitePages(): readonly SitePage[] {
  return SECTIONS.flatMap((section) => {
    const text = readFileSync(join(import.meta.dirname, 'content', FILES[section]), 'utf8');
    return text
      .split(/^=== /m)
      .slice(1)
      .map((source) => readPage(section, source));
  });
}

/** A page is its path, lines `name: value`, a blank line, and its text. */
function readPage(section: string, source: string): SitePage {
  const [path = '', ...lines] = source.split('\n');
  const headEnd = lines.indexOf('');
  const head = new Map(lines.slice(0, headEnd).map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]));
  const needed = (name: string): string => {
    const value = head.get(name);
    if (value === undefined) throw new Error(`expected \`${name}: …\` below \`=== ${path}\` of section ${section}, got ${[...head.keys()].join(', ')}`);
    return value;
  };
  return {
    path,
    section,
    title: readTitle(needed('title')),
    description: needed('description'),
    date: head.get('date') ?? DEFAULT_DATE,
    language: head.get('language') ?? 'en',
    charset: head.get('charset') ?? 'utf-8',
    charsetIn: head.get('charset-in') === 'document' ? 'document' : 'header',
    body: lines.slice(headEnd + 1).join('\n'),
  };
}

/** A title in double quotes is JSON, so that it can hold a line break. */
const readTitle = (value: string): string => (value.startsWith('"') ? (JSON.parse(value) as string) : value);
