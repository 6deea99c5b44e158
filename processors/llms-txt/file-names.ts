import { createHash } from 'node:crypto';

/** Names of a site's files, from URLs alone: the same page has the same name in every run, and two pages never share one. */

/** `example.com`, `127.0.0.1_8080`, `--1_8080` (IPv6). An underscore in a host is doubled, so that a single one is always the port's. */
export function siteFolder(url: string): string {
  const { hostname, port } = new URL(url);
  const name = hostname.replace(/^\[|\]$/g, '').replaceAll(':', '-').replaceAll('_', '__');
  return `sites/${name}${port === '' ? '' : `_${port}`}`;
}

const MAX_SEGMENT_CHARACTERS = 100;
const MAX_PATH_CHARACTERS = 400;
const HASH_CHARACTERS = 10;

/**
 * Path of a page's twin below its site's folder: `/guide/` is `guide/index.md`, `/guide` is `guide.md`. A URL that has no such plain name
 * (query, capitals, other characters, a name that could be another page's) gets a hash of itself behind it.
 */
export function twinPath(url: string): string {
  const { pathname, search, host } = new URL(url);
  const segments = pathname.split('/').slice(1);
  const last = segments.pop() ?? '';
  const plain = [...segments.map(plainFolder), plainSegment(last === '' ? 'index' : last)].join('/');
  const original = [...segments, last === '' ? 'index' : last].join('/');
  const isPlain = plain === original && search === '' && last !== 'index' && !ENDS_LIKE_A_HASH.test(plain) && plain.length <= MAX_PATH_CHARACTERS;
  if (isPlain) return `${plain}.md`;
  const hash = createHash('sha256').update(`${host}${pathname}${search}`).digest('hex').slice(0, HASH_CHARACTERS);
  return `${plain.slice(0, MAX_PATH_CHARACTERS).replace(/[./]+$/, '')}-${hash}.md`;
}

const ENDS_LIKE_A_HASH = new RegExp(`-[0-9a-f]{${HASH_CHARACTERS}}$`);

/** Lower case alone: two names that differ in capitals are one file on some disks. */
const plainSegment = (segment: string): string =>
  segment.toLowerCase().replace(/%[0-9a-f]{2}/g, '-').replace(/[^a-z0-9._-]/g, '-').replace(/^\./, '-').slice(0, MAX_SEGMENT_CHARACTERS) || '-';

/** A folder may not be called like a file of the site. */
const plainFolder = (segment: string): string => plainSegment(segment).replace(/\.(md|txt)$/, '-$1');
