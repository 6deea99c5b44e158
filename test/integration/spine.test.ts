import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Counts } from '../../shared/rows.ts';
import { TargetClient } from '../support/target-run.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

let target: Target;
let client: TargetClient;

beforeAll(async () => {
  target = await startTarget();
  client = new TargetClient(target);
});
afterAll(() => target?.stop());

const lines = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const small = JSON.stringify({ itemsPerBatch: 7 });

describe('a manifest that is uploaded', () => {
  it('becomes a finished run in which every row has exactly one verdict, and the counts are whole at every read', async () => {
    const rows = lines(300, 'whole');
    const manifest = ['# a comment', ...rows, '', rows[3], rows[3], rows[200]].join('\r\n');
    const run = await client.upload('acme/noop/whole.txt', manifest, { 'spillway-options': small });
    const reads: Counts[] = [];
    const record = await client.waitForEnd(run, { onCounts: (counts) => reads.push(counts) });

    expect(record).toMatchObject({ state: 'finished', tenant: 'acme', processor: 'noop' });
    for (const { succeeded, failed, skipped, pending, total } of reads) {
      expect(total).toBe(303);
      expect(succeeded + failed + skipped + pending).toBe(total);
      expect(pending).toBeGreaterThanOrEqual(0);
    }
    const verdicts = await client.readVerdicts(record);
    expect(verdicts.map(({ line }) => line).sort((a, b) => a - b)).toEqual([...rows.map((_, i) => i + 2), 303, 304, 305]);
    expect(verdicts.filter(({ verdict }) => verdict === 'succeeded')).toHaveLength(300);
    const duplicates = verdicts.filter(({ reason }) => reason === 'duplicate').map(({ line, duplicateOf }) => [line, duplicateOf]);
    expect(duplicates.sort()).toEqual([[303, 5], [304, 5], [305, 202]]);
    const { counts, totals } = await client.readManifest(record);
    expect(counts).toEqual({ succeeded: 300, failed: 0, skipped: 3, pending: 0, total: 303 });
    expect(totals).toMatchObject({ rows: 303, invalid: 0, items: 303, duplicates: 3, shards: 2 });
  });

  it('makes one run when its event comes twice, and two runs when the same bytes are uploaded twice', async () => {
    const first = await client.upload('acme/noop/twice.txt', 'one\ntwo\n');
    const second = await client.upload('acme/noop/twice.txt', 'one\ntwo\n');
    expect(first).not.toBe(second);
    const records = [await client.waitForEnd(first), await client.waitForEnd(second)];
    const { source } = records[0]!;
    const detail = { bucket: { name: source.bucket }, object: { key: source.key, size: source.bytes, etag: source.etag, 'version-id': source.version } };
    const again = await target.invoke('AdmitRun', { time: records[0]!.createdAt, detail });
    expect(again).toMatchObject({ kind: 'started', run: first });
    expect((await client.readManifest(records[0]!)).counts.total).toBe(2);
    const runs = await client.ledger.listRuns('acme', 100);
    expect(runs.filter(({ source: { key } }) => key === 'acme/noop/twice.txt').map(({ run }) => run).sort()).toEqual([first, second].sort());
  });

  it('keeps rows, invalid rows and own ids of jsonl.gz apart', async () => {
    const rows = [{ value: 'a', id: 'A' }, 'b', { value: 'c', id: 'A' }, 7, { value: 'd' }];
    const body = gzipSync([...rows.map((row) => JSON.stringify(row)), '{"value": broken'].join('\n'));
    const record = await client.waitForEnd(await client.upload('acme/noop/rows.jsonl.gz', body));
    const { totals, counts } = await client.readManifest(record);
    expect(totals.rows).toBe(6);
    expect(totals.rows).toBe(totals.items + totals.invalid);
    expect(counts.total).toBe(totals.items);
    const verdicts = await client.readVerdicts(record);
    expect(verdicts.find(({ line }) => line === 1)).toMatchObject({ id: 'A', verdict: 'succeeded' });
    expect(await client.exists(client.output('ResultsBucket'), `acme/${record.run}/invalid.ndjson.gz`)).toBe(true);
  });

  it.each([
    ['an empty file', 'acme/noop/empty.txt', ''],
    ['a truncated gzip', 'acme/noop/cut.jsonl.gz', gzipSync(lines(500, 'cut').join('\n')).subarray(0, 200)],
    ['only bad rows', 'acme/noop/bad.jsonl', '{"value": \n[[[\n'],
    ['an unknown processor', 'acme/no-such-thing/list.txt', 'one\n'],
  ])('ends failed with one clear sentence beside it: %s', async (_, key, body) => {
    const record = await client.waitForEnd(await client.upload(key, body));
    expect(record.state).toBe('failed');
    expect(record.error).toMatch(/\w+ .{20,}/);
    const refusal = JSON.parse((await client.readObject(client.output('ManifestsBucket'), `${key}.refused.json`)).toString());
    expect(refusal).toMatchObject({ run: record.run, message: record.error });
    // Off the list of open runs comes last, after the state.
    await expect.poll(() => client.ledger.listOpen(), { timeout: 30_000 }).not.toContainEqual(expect.objectContaining({ run: record.run }));
  });

  it('shares the workers with another tenant: both end', async () => {
    const [big, little] = await Promise.all([
      client.upload('big/noop/list.txt', lines(2000, 'big').join('\n'), { 'spillway-options': small }),
      client.upload('little/noop/list.txt', lines(20, 'little').join('\n'), { 'spillway-options': small }),
    ]);
    const ends = await Promise.all([client.waitForEnd(big), client.waitForEnd(little)]);
    expect(ends.map(({ state }) => state)).toEqual(['finished', 'finished']);
    const [bigEnd = 0, littleEnd] = ends.map(({ finishedAt = '' }) => Date.parse(finishedAt));
    expect(littleEnd).toBeLessThan(bigEnd);
  });
});

it('the API says that it is up', async () => {
  const response = await fetch(`${target.apiEndpoint}/health`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: 'up' });
});
