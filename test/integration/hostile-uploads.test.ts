import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusalKey } from '../../shared/refusal.ts';
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

const bomb = (): Buffer => gzipSync(Buffer.concat([...Array.from({ length: 16 }, () => gzipSync(Buffer.alloc(16 * 1024 * 1024, 'a'))), gzipSync('\nlast')]));
const deep = `{"value":"deep","more":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
const odd = ['{"__proto__":{"value":"a"},"value":"b","constructor":1}', '{"value":"=cmd|\' /C calc\'!A0"}', '{"value":"\\ud800"}', '{"value":"\\ud801"}', '{"value":"nul\\u0000"}'];

describe('an upload of one who means harm', () => {
  it.each<[string, string, string | Uint8Array, { rows: number; invalid: number }]>([
    ['deep JSON', 'deep.jsonl', `${deep}\n"good"\n`, { rows: 2, invalid: 1 }],
    ['odd values', 'odd.jsonl', odd.join('\n'), { rows: 5, invalid: 0 }],
    ['a gzip bomb in gzip', 'bomb.txt.gz', bomb(), { rows: 2, invalid: 1 }],
    ['a cell that has no end', 'cell.csv', `value\n"${'\n'.repeat(300_000)}good\n`, { rows: 2, invalid: 1 }],
  ])('is a finished run with its invalid rows: %s', async (_, name, body, totals) => {
    const record = await client.waitForEnd(await client.upload(`acme/noop/${randomUUID()}-${name}`, body));
    expect([record.state, record.error, record.totals]).toMatchObject(['finished', undefined, totals]);
    expect((await client.readVerdicts(record)).every(({ verdict }) => verdict === 'succeeded')).toBe(true);
  });

  it.each<[string, string, string | Uint8Array, Record<string, string>?]>([
    ['UTF-16', 'a.txt', Buffer.from('https://a.example/\n', 'utf16le')],
    ['a key of 1,024 bytes', 'k'.repeat(1014), ''],
    ['deep options', 'a.txt', 'one\n', { 'spillway-options': '['.repeat(900) + ']'.repeat(900) }],
    ['options of prototype keys', 'b.txt', 'one\n', { 'spillway-options': '{"__proto__":{"itemsPerBatch":1},"constructor":1}' }],
    ['a column of prototype keys', 'c.jsonl', '{"value":7}\n', { 'spillway-processor': 'llms-txt', 'spillway-options': '{"column":"__proto__"}' }],
    ['a processor of prototype keys', 'd.txt', 'one\n', { 'spillway-processor': 'constructor' }],
  ])('is refused with a sentence beside it: %s', async (_, name, body, metadata = {}) => {
    const key = `acme/noop/${name}`;
    const record = await client.waitForEnd(await client.upload(key, body, metadata));
    expect(record.state).toBe('failed');
    expect(record.error).toMatch(/\w+ .{20,}/);
    const refusal = JSON.parse((await client.readObject(client.output('ManifestsBucket'), refusalKey(key))).toString()) as object;
    expect(refusal).toMatchObject({ run: record.run, message: record.error });
    await expect.poll(() => client.ledger.listOpen(), { timeout: 30_000 }).not.toContainEqual(expect.objectContaining({ run: record.run }));
  });
});
