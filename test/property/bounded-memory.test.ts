import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readManifest } from '../../shared/manifest/read-manifest.ts';

/** 100 MB that no row end interrupts: what a reader holds of it is bounded by a row, not by the input. */

const MB = 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 'a');
const PIECES = (100 * MB) / PIECE.length;
/** Far more than a row of 256 KiB and its copies, far less than the input. */
const MOST_HELD_BYTES = 8 * MB;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Buffers are given back beside the program: the second collection waits for what the first one found. */
function heldBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

interface Endless {
  readonly name: string;
  readonly start: string;
  readonly end: string;
  readonly piece?: Buffer;
}

/** The same piece again and again, so that the input itself takes no memory; looks every 10 MB at what is held. */
async function* bytesOf({ start, end, piece = PIECE }: Endless, onHeld: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  yield Buffer.from(start);
  for (let i = 0; i < PIECES; i++) {
    if (i % (PIECES / 10) === 0) onHeld(heldBytes());
    yield piece;
  }
  yield Buffer.from(end);
}

async function readEndless(endless: Endless): Promise<{ rows: unknown[]; mostHeld: number }> {
  const before = heldBytes();
  let mostHeld = 0;
  const body = bytesOf(endless, (bytes) => (mostHeld = Math.max(mostHeld, bytes - before)));
  const rows: unknown[] = [];
  for await (const block of readManifest({ body, name: endless.name, primaryField: 'url', aliases: [], options: {} })) {
    rows.push(...block.map((row) => (row.kind === 'fields' ? row.fields : row.fault)));
  }
  return { rows, mostHeld };
}

const OVERSIZED = 'expected a row of at most 256 KiB';

test.each<[string, Endless]>([
  ['a line', { name: 'l.txt', start: '', end: '\nlast' }],
  ['a line of jsonl', { name: 'l.jsonl', start: '{"url":"', end: '"}\n"last"' }],
  ['a text in a JSON array', { name: 'l.json', start: '["', end: '","last"]' }],
  ['a deep element of a JSON array', { name: 'l.json', start: '[[', end: '],"last"]', piece: Buffer.alloc(PIECE.length, '[]') }],
  ['a cell', { name: 'l.csv', start: 'url\n', end: '\nlast' }],
  ['a quoted cell', { name: 'l.csv', start: 'url\n"', end: '"\nlast' }],
  ['an address in a sitemap, between other tags', { name: 's.xml', start: '<urlset><url><loc>', end: '</loc></url><url><loc>last</loc></url></urlset>', piece: Buffer.from(`<b/>${'a'.repeat(PIECE.length - 4)}`) }],
])('%s of 100 MB is an invalid row, is not held, and the next row is read', async (_, endless) => {
  const { rows, mostHeld } = await readEndless(endless);
  expect(rows).toEqual([OVERSIZED, { url: 'last' }]);
  expect(mostHeld).toBeLessThan(MOST_HELD_BYTES);
});

test('100 MB of line ends in a quoted cell end at the bound, and are looked at once', async () => {
  const { rows, mostHeld } = await readEndless({ name: 'l.csv', start: 'url\n"', end: 'last\n', piece: Buffer.alloc(PIECE.length, '\n') });
  expect(rows).toEqual(['expected a closing quote within 256 KiB, got none', { url: 'last' }]);
  expect(mostHeld).toBeLessThan(MOST_HELD_BYTES);
});

test('a sitemap with 100 MB without a tag is refused after the first', async () => {
  await expect(readEndless({ name: 's.xml', start: '<urlset><!--', end: '--></urlset>' })).rejects.toThrow(expect.objectContaining({ name: 'ManifestRefusedError', message: 'expected sitemap XML, got more than 1 MiB without a tag' }) as Error);
});

test.each([[1], [2]])('a gzip bomb in %i layers is unpacked piece by piece', async (layers) => {
  // gzip may hold any number of members: 256 MB in 260 KB, or 2 KB once more packed.
  const member = gzipSync(Buffer.alloc(16 * MB, 'a'));
  let bomb = Buffer.concat([...Array.from({ length: 16 }, () => member), gzipSync('\nlast')]);
  if (layers === 2) bomb = gzipSync(bomb);
  expect(bomb.length).toBeLessThan(MB);
  const before = heldBytes();
  let mostHeld = 0;
  const rows: unknown[] = [];
  async function* body() {
    for (let at = 0; at < bomb.length; at += 4096) {
      if (at % 40_960 === 0) mostHeld = Math.max(mostHeld, heldBytes() - before);
      yield bomb.subarray(at, at + 4096);
    }
  }
  for await (const block of readManifest({ body: body(), name: 'l.txt.gz', primaryField: 'url', aliases: [], options: {} })) {
    rows.push(...block.map((row) => (row.kind === 'fields' ? row.fields : row.fault)));
  }
  expect(rows).toEqual([OVERSIZED, { url: 'last' }]);
  expect(mostHeld).toBeLessThan(MOST_HELD_BYTES);
});
