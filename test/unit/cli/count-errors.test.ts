import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { countErrors } from '../../../cli/count-errors.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';

it('counts errors by name, whatever the name', async () => {
  const results = new MemoryObjectStore('results');
  const names = ['E', '__proto__', 'constructor', 'E', '__proto__', 'toString'];
  results.put('acme/r/errors.ndjson.gz', gzipSync(names.map((name) => `${JSON.stringify({ error: { name } })}\n`).join('')));
  expect(Object.entries(await countErrors(results, { tenant: 'acme', run: 'r' }))).toEqual([['E', 2], ['__proto__', 2], ['constructor', 1], ['toString', 1]]);
});
