import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** Pages of the open web in both forms that a server may send. */
export interface RealPage {
  readonly gzipped: Uint8Array;
  readonly html: Uint8Array;
}

/** Folders of `*.html.gz` beside the checkout. */
const FOLDERS = ['pages-aeb', 'pages-wcxb'].map((name) => resolve(import.meta.dirname, '../../shared/data', name, 'html'));

const unpack = promisify(gunzip);

/** `count` pages, taken evenly from all there are and again from the first when they run out; none if the folders are missing. */
export async function readRealPages(count: number): Promise<RealPage[]> {
  const paths = (await Promise.all(FOLDERS.map(listPages))).flat();
  if (paths.length === 0) return [];
  const step = Math.max(1, paths.length / count);
  return Promise.all(Array.from({ length: count }, (_, i) => readPage(paths[Math.floor(i * step) % paths.length]!)));
}

async function listPages(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.endsWith('.html.gz')).toSorted().map((name) => join(folder, name));
}

async function readPage(path: string): Promise<RealPage> {
  const gzipped = await readFile(path);
  return { gzipped, html: await unpack(gzipped) };
}
