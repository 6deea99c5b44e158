import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { COMMON_NAMES, MANIFEST_FORMATS } from '../../../shared/manifest/common-options.ts';
import * as limits from '../../../shared/manifest/limits.ts';

const text = readFileSync(resolve(import.meta.dirname, '../../../docs/manifests.md'), 'utf8');
const count = (value: number) => value.toLocaleString('en');
const KIB = 1024;

it.each([
  ['a row', `${limits.MAX_ROW_BYTES / KIB} KiB`],
  ['objects and arrays within each other in a JSON row', count(limits.MAX_ROW_DEPTH)],
  ['and of a reason', `${limits.MAX_REASON_CHARACTERS} characters`],
  ['rows, expanded ones included', count(limits.MAX_ROWS)],
  ['the manifest once unpacked', `${limits.MAX_UNPACKED_BYTES / KIB ** 3} GiB`],
  ['gzip within gzip', count(limits.MAX_GZIP_LAYERS)],
  ['rows that ask to be expanded', count(limits.MAX_EXPANDING_ROWS)],
  ['expansions of expansions, as of a sitemap index', count(limits.MAX_EXPAND_DEPTH)],
  ['what `invalid.ndjson.gz` keeps of a row', `${limits.MAX_KEPT_ROW_BYTES / KIB} KiB`],
  ['items, batches and bytes of a shard', `${count(limits.MAX_SHARD_ITEMS)}, ${limits.MAX_SHARD_BATCHES} and ${limits.MAX_SHARD_BYTES / KIB ** 2} MiB`],
])('docs/manifests.md says what the code allows: %s', (limit, value) => {
  expect(text).toContain(`| ${limit} | ${value} |`);
});

it('docs/manifests.md names every format', () => {
  const listed = [...text.slice(0, text.indexOf('## What to do')).matchAll(/^\| `(\w+)` \| `\./gm)].map(([, name]) => name);
  expect(listed).toEqual([...MANIFEST_FORMATS]);
});

it('docs/manifests.md names every option of every run', () => {
  const table = text.slice(text.indexOf('| option of every run |'));
  const listed = [...table.slice(0, table.indexOf('\n\n')).matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(listed).toEqual([...COMMON_NAMES]);
});

it('docs/ has an index that names every page', () => {
  const index = readFileSync(resolve(import.meta.dirname, '../../../docs/README.md'), 'utf8');
  for (const page of ['cli.md', 'manifests.md', 'errors.md', 'embedded.md', 'processors/README.md', 'processors/llms-txt.md', 'decisions/']) expect(index).toContain(`(${page})`);
});
