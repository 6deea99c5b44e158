import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ManifestRefusedError } from '../../../shared/errors.ts';
import type { Processor } from '../../../processors/processor.ts';
import type { PlannedRun } from '../../../shared/records.ts';
import type { JsonObject } from '../../../shared/rows.ts';
import type { MemoryObjectStore } from '../../support/memory-object-store.ts';
import { noteProcessor, preparePlanning, readPlan, webProcessor } from '../../support/planning.ts';

const jsonl = (...rows: unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('what a row becomes', () => {
  test('rows are items or invalid, and a duplicate is an item that names the first line', async () => {
    const setup = preparePlanning({ body: 'https://a.example/\n\n# comment\nHTTPS://A.example:443/#x\nnot a url\nb.example/y\n' });
    await setup.plan();
    const plan = readPlan(setup.results);
    expect(plan.items).toEqual([
      { line: 1, input: { url: 'https://a.example/' }, limitKey: 'host:a.example' },
      { line: 6, input: { url: 'https://b.example/y' }, limitKey: 'host:b.example' },
    ]);
    expect(plan.duplicates).toEqual([{ line: 4, input: { url: 'https://a.example/' }, verdict: 'skipped', reason: 'duplicate', duplicateOf: 1 }]);
    expect(plan.invalid).toEqual([{ line: 5, row: 'not a url', reason: 'expected a URL such as https://example.com/, got "not a url"' }]);
    expect(setup.ledger.run.totals).toEqual({ rows: 4, invalid: 1, items: 3, duplicates: 1, shards: 1 });
  });

  test('an id is carried along, a repeated one is invalid and does not make its row the first of later equals', async () => {
    const setup = preparePlanning({
      name: 'list.jsonl',
      body: jsonl({ id: 'a', url: 'https://a.example/' }, { id: 'a', url: 'https://b.example/' }, { id: 7, url: 'https://b.example/' }, { id: {}, url: 'https://c.example/' }),
    });
    await setup.plan();
    const plan = readPlan(setup.results);
    expect(plan.items.map(({ line, id }) => [line, id])).toEqual([[1, 'a'], [3, '7']]);
    expect(plan.invalid.map(({ line, reason }) => [line, reason])).toEqual([
      [2, 'expected an `id` that no other row has, got that of line 1'],
      [4, 'expected `id` to be a text or a number, got {}'],
    ]);
  });

  test('a processor without equality keeps equal rows apart', async () => {
    const setup = preparePlanning({ processor: noteProcessor, body: 'same\nsame\n' });
    await setup.plan();
    expect(readPlan(setup.results).items).toHaveLength(2);
  });

  test('a row that the processor trips over is invalid, and the others are planned', async () => {
    const readRow: Processor['readRow'] = (fields, options) => {
      if (fields['url'] === 'trap') throw new Error('a fault of the processor');
      return webProcessor.readRow(fields, options);
    };
    const setup = preparePlanning({ processor: { ...webProcessor, readRow }, body: 'a.example\ntrap\nb.example\n' });
    await setup.plan();
    const plan = readPlan(setup.results);
    expect(plan.items).toHaveLength(2);
    expect(plan.invalid).toEqual([{ line: 2, row: 'trap', reason: 'the processor `web` could not read the row: a fault of the processor' }]);
  });

  test('a kept invalid row is cut to 1 KB between characters', async () => {
    const setup = preparePlanning({ body: `${'é'.repeat(2000)} x\na.example\n` });
    await setup.plan();
    expect(readPlan(setup.results).invalid[0]!.row).toBe('é'.repeat(512));
  });
});

describe('cutting', () => {
  test('a shard holds at most 5,000 items and 32 batches, and its record says where each batch is', async () => {
    const setup = preparePlanning({ processor: noteProcessor, options: { itemsPerBatch: 3 }, body: Array.from({ length: 200 }, (_, i) => `note ${i}\n`).join('') });
    await setup.plan();
    const plan = readPlan(setup.results);
    expect(plan.shards.map((shard) => shard.length)).toEqual([96, 96, 8]);
    const last = setup.ledger.shards.get(2)!;
    expect(last).toMatchObject({ v: 1, tenant: 'acme', shard: 2, plan: 'n1', n: 3, nd: 0, ok: 0, ko: 0, sk: 0, sizes: [3, 3, 2] });
    expect(last.b['2']).toEqual({ q: 0, l: '0-1', h: '-', a: 0, u: 0, o: '-', m: '-', d: -1, dn: 0 });
    const body = Buffer.from(plan.files.get('shards/00002.ndjson')!);
    const secondBatch = body.subarray(last.offsets[1], last.offsets[2]).toString().trim().split('\n').map((row) => (JSON.parse(row) as { line: number }).line);
    expect(secondBatch).toEqual([196, 197, 198]);
    expect(last.offsets.at(-1)).toBe(body.length);
  });

  test('a shard file holds at most 8 MiB', async () => {
    const setup = preparePlanning({ processor: noteProcessor, options: { itemsPerBatch: 1000 }, body: Array.from({ length: 90 }, (_, i) => `${i}${'x'.repeat(200_000)}\n`).join('') });
    await setup.plan();
    const plan = readPlan(setup.results);
    const sizes = [...plan.files].filter(([name]) => name.startsWith('shards/')).map(([, bytes]) => bytes.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8 * 1024 * 1024);
    expect(plan.shards.map((shard) => shard.length)).toEqual([41, 41, 8]);
  });

  test('items of one host stand together within their shard, in the order of the manifest', async () => {
    const setup = preparePlanning({ body: ['a.example/1', 'b.example/1', 'a.example/2', 'b.example/2'].join('\n') });
    await setup.plan();
    expect(readPlan(setup.results).shards[0]!.map((item) => item.input['url'])).toEqual([
      'https://a.example/1', 'https://a.example/2', 'https://b.example/1', 'https://b.example/2',
    ]);
  });

  test('shards.json lists every shard for the Map', async () => {
    const setup = preparePlanning({ body: 'a.example\n' });
    const answer = await setup.plan();
    expect(answer).toEqual({ v: 1, run: setup.run, bucket: 'results', shardsKey: `acme/${setup.run}/plan/n1/shards.json` });
    expect(JSON.parse(Buffer.from(setup.results.bytesOf(answer.shardsKey)).toString())).toEqual([{ v: 1, run: setup.run, shard: 0 }]);
  });
});

describe('a second planning', () => {
  test('answers the first plan and makes up for missing shard records without reading the manifest', async () => {
    const setup = preparePlanning({ processor: noteProcessor, options: { itemsPerBatch: 1 }, body: Array.from({ length: 40 }, (_, i) => `n${i}`).join('\n') });
    const first = await setup.plan();
    const records = new Map(setup.ledger.shards);
    setup.ledger.shards.delete(1);
    for (const key of setup.manifests.keys()) setup.manifests.delete(key);
    expect(await setup.plan()).toEqual(first);
    expect(new Map(setup.ledger.shards)).toEqual(records);
  });

  test('that was beaten while it planned puts the records of the winner', async () => {
    const setup = preparePlanning({ body: 'a.example\n' });
    await setup.plan();
    const winner = setup.ledger.run;
    const { plan: _plan, totals: _totals, ...unplanned } = winner;
    setup.ledger.run = unplanned;
    setup.ledger.shards.clear();
    setup.ledger.freezePlan = () => {
      setup.ledger.run = winner;
      return Promise.resolve(winner as PlannedRun);
    };
    expect((await setup.plan()).shardsKey).toContain('/plan/n1/');
    expect(setup.ledger.shards.get(0)!.plan).toBe('n1');
  });

  test('writes the same bytes under another nonce', async () => {
    const body = gzipSync(Array.from({ length: 5000 }, (_, i) => `h${i % 7}.example/${i % 4000}\nbad row ${i}\n`).join(''));
    const setup = preparePlanning({ name: 'list.txt.gz', body });
    await setup.plan();
    const { plan: _plan, totals: _totals, ...unplanned } = setup.ledger.run;
    setup.ledger.run = unplanned;
    await setup.plan();
    const [first, second] = [readPlan(setup.results, 'n1').files, readPlan(setup.results, 'n2').files];
    expect([...second.keys()]).toEqual([...first.keys()]);
    expect([...first].filter(([name, bytes]) => Buffer.compare(bytes, second.get(name)!) !== 0)).toEqual([]);
  });
});

describe('expansion', () => {
  const rows: JsonObject[] = [{ url: 'c.example' }, { url: 'a.example' }, { url: '?' }];

  test('new rows count on after the manifest, and the row that asked gives way to them', async () => {
    const setup = preparePlanning({ name: 'l.jsonl', body: jsonl({ expand: 'list', rows }, { url: 'a.example' }, { url: 'b.example' }) });
    await setup.plan();
    const plan = readPlan(setup.results);
    expect(plan.items.map(({ line }) => line)).toEqual([2, 3, 4]);
    expect(plan.duplicates.map(({ line, duplicateOf }) => [line, duplicateOf])).toEqual([[5, 2]]);
    expect(plan.invalid.map(({ line }) => line)).toEqual([6]);
    expect(plan.expanded).toEqual([{ line: 4, from: 1, input: rows[0] }, { line: 5, from: 1, input: rows[1] }, { line: 6, from: 1, input: rows[2] }]);
    expect(setup.ledger.run.totals).toEqual({ rows: 5, invalid: 1, items: 4, duplicates: 1, shards: 1 });
  });

  test.each([
    ['gives nothing', [], 'expected rows from the expansion, got none', 1],
    ['fails at once', [{ fail: true }], 'could not be expanded: the sitemap ends early', 1],
    ['fails in between', [{ url: 'c.example' }, { fail: true }], 'could not be expanded to its end, only to 1 rows: the sitemap ends early', 2],
  ])('one that %s makes the row that asked invalid and keeps what it gave', async (_name, given, reason, items) => {
    const setup = preparePlanning({ name: 'l.jsonl', body: jsonl({ expand: 'list', rows: given }, { url: 'a.example' }) });
    await setup.plan();
    expect(readPlan(setup.results).invalid).toMatchObject([{ line: 1, reason }]);
    expect(setup.ledger.run.totals).toMatchObject({ rows: items + 1, invalid: 1, items });
  });

  test('nests three deep and no deeper', async () => {
    const nested = (depth: number): JsonObject => (depth === 0 ? { url: 'deep.example' } : { expand: 'list', rows: [nested(depth - 1)] });
    const setup = preparePlanning({ name: 'l.jsonl', body: jsonl(nested(3), nested(4), { url: 'a.example' }) });
    await setup.plan();
    const plan = readPlan(setup.results);
    expect(plan.items.map(({ input }) => input['url'])).toEqual(['https://a.example/', 'https://deep.example/']);
    expect(plan.invalid.map(({ reason }) => reason)).toEqual(['expected expansions nested at most 3 deep, got more']);
  });

  test.each<[string, (fields: JsonObject) => unknown, string]>([
    ['a text', () => ['text'], 'the processor gave something else than a row: expected a JSON object, got a string'],
    ['what is no JSON', () => [{ url: 'c.example', n: 1n }], 'the processor gave something else than a row: expected JSON, got a bigint at n'],
    ['nothing that can be asked for rows', () => undefined, "Cannot read properties of undefined (reading 'Symbol(Symbol.asyncIterator)')"],
    ['an error at once', () => { throw new Error('no'); }, 'no'],
  ])('an expansion that gives %s is the fault of the row that asked', async (_, expand, reason) => {
    const processor = { ...webProcessor, expand } as unknown as Processor;
    const setup = preparePlanning({ processor, name: 'l.jsonl', body: jsonl({ expand: 'list' }, { url: 'a.example' }) });
    await setup.plan();
    const plan = readPlan(setup.results);
    expect([plan.invalid, plan.items.map(({ line }) => line)]).toEqual([[expect.objectContaining({ line: 1, reason: `could not be expanded: ${reason}` })], [2]]);
  });

  test('a processor that expands nothing finds such a row invalid', async () => {
    const processor = Object.fromEntries(Object.entries(webProcessor).filter(([name]) => name !== 'expand')) as unknown as Processor;
    const setup = preparePlanning({ processor, name: 'l.jsonl', body: jsonl({ expand: 'list' }, { url: 'a.example' }) });
    await setup.plan();
    expect(readPlan(setup.results).invalid[0]!.reason).toContain('expands none');
  });
});

describe('a manifest is refused with one sentence', () => {
  test.each([
    ['empty', { body: '' }, 'acme/web/list.txt: expected at least one row, got an empty file'],
    ['only blank lines', { body: '\n \n# x\n' }, 'acme/web/list.txt: expected at least one row, got none: the manifest is empty'],
    ['only bad rows', { body: '\n?\n!\n' }, 'acme/web/list.txt: expected at least one usable row, got 2 that are all invalid (line 2: expected a URL such as https://example.com/, got "?")'],
    ['an unknown option', { body: 'a.example', options: { deep: 1 } }, 'acme/web/list.txt: the run\'s options are wrong: Unrecognized key: "deep"'],
    ['a bad common option', { body: 'a.example', options: { itemsPerBatch: 0 } }, 'acme/web/list.txt: the run\'s options are wrong: `itemsPerBatch`: Too small: expected number to be >=1'],
    ['a truncated gzip', { name: 'l.txt.gz', body: gzipSync('a.example\n'.repeat(1000)).subarray(0, -12) }, 'acme/web/l.txt.gz: expected a whole gzip file, got one that ends early: upload it again'],
  ])('%s', async (_name, setup, sentence) => {
    const planning = preparePlanning(setup);
    const refusal = await planning.plan().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ManifestRefusedError);
    expect((refusal as Error).message).toBe(sentence);
    expect(planning.ledger.run.plan).toBeUndefined();
    expect(planning.ledger.shards.size).toBe(0);
  });

  const full = new Error('the disk is full');
  test.each<[string, Partial<MemoryObjectStore>]>([
    ['a stream at its start', { writeStream: () => Promise.reject(full) }],
    ['a stream half-way', { writeStream: async (_key, chunks) => {
      for await (const chunk of chunks) if (chunk.length > 0) throw full;
    } }],
    ['a shard file', { write: () => Promise.reject(full) }],
  ])('a store that fails with %s is no refusal, ends the planning and leaves no plan', async (_name, fault) => {
    const setup = preparePlanning({ body: Array.from({ length: 30_000 }, (_, i) => `h${i}.example\nbad ${i}\n`).join('') });
    Object.assign(setup.results, fault);
    await expect(setup.plan()).rejects.toThrow(full);
    expect(setup.ledger.run.plan).toBeUndefined();
    expect(setup.results.keys().filter((key) => !key.includes('/shards/'))).toEqual([]);
  });
});
