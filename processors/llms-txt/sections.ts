import { OPTIONAL_SECTION } from './llms-txt-format.ts';

export interface SectionedPage {
  readonly url: string;
}

export interface PageSection<Page> {
  readonly title: string;
  readonly pages: readonly Page[];
}

const GENERAL_SECTION = 'Pages';
/** What an assistant can do without: legal, account, listings of other pages. */
const OPTIONAL_SEGMENT =
  /^(?:privacy|terms|legal|imprint|impressum|cookies?|login|log-in|signin|sign-in|signup|sign-up|register|account|cart|checkout|search|careers|jobs|press|tags?|categor(?:y|ies)|authors?|archives?|sitemap|disclaimer|license)(?:[-_.].*)?$/;
/** Fewer pages are no section of their own. */
const MIN_SECTION_PAGES = 2;

/**
 * Sections from the site's folders: the first one below what all pages share. Pages directly there, and folders of one page, are `Pages`,
 * which comes first; `Optional` comes last. Keeps the order of the pages; every page is in exactly one section.
 */
export function groupIntoSections<Page extends SectionedPage>(pages: readonly Page[]): PageSection<Page>[] {
  const depth = countSharedFolders(pages);
  const groups = new Map<string, Page[]>();
  for (const page of pages) {
    const title = titleOf(page, depth);
    const group = groups.get(title);
    if (group) group.push(page);
    else groups.set(title, [page]);
  }
  const isKept = (title: string, members: readonly Page[]) => title === OPTIONAL_SECTION || members.length >= MIN_SECTION_PAGES;
  const kept = [...groups].filter(([title, members]) => title !== GENERAL_SECTION && isKept(title, members));
  const titles = new Set(kept.map(([title]) => title));
  const general = pages.filter((page) => !titles.has(titleOf(page, depth)));
  const named = kept.filter(([title]) => title !== OPTIONAL_SECTION).sort(([a], [b]) => (a < b ? -1 : 1));
  const all: [string, Page[]][] = [[GENERAL_SECTION, general], ...named, [OPTIONAL_SECTION, groups.get(OPTIONAL_SECTION) ?? []]];
  return all.filter(([, members]) => members.length > 0).map(([title, members]) => ({ title, pages: members }));
}

const segmentsOf = ({ url }: SectionedPage): string[] => new URL(url).pathname.split('/').filter((segment) => segment !== '');

/** Folders that every page but the home page is in, such as `/en/docs`. */
function countSharedFolders(pages: readonly SectionedPage[]): number {
  const folders = pages.map(segmentsOf).filter((segments) => segments.length > 0).map((segments) => segments.slice(0, -1));
  const [first = []] = folders;
  let shared = first.length;
  for (const folder of folders) {
    let same = 0;
    while (same < shared && folder[same] === first[same]) same++;
    shared = same;
  }
  return shared;
}

function titleOf(page: SectionedPage, depth: number): string {
  const segments = segmentsOf(page);
  if (segments.some((segment) => OPTIONAL_SEGMENT.test(segment.toLowerCase()))) return OPTIONAL_SECTION;
  const segment = segments[depth];
  if (segment === undefined || (segments.length === depth + 1 && !page.url.endsWith('/'))) return GENERAL_SECTION;
  const words = decode(segment).replace(/[-_+.\s]+/g, ' ').trim();
  const title = words.charAt(0).toUpperCase() + words.slice(1);
  return title === OPTIONAL_SECTION ? 'Optional pages' : title || GENERAL_SECTION;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
