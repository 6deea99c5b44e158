import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyStoredRun } from '../../cli/verify-stored-run.ts';
import { createDynamo, createSsm } from '../../shared/aws/clients.ts';
import { createLimitControlOf } from '../../shared/aws/limit-control.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { uploadManifest } from '../../shared/aws/upload-manifest.ts';
import { parseLimit } from '../../shared/limit-language.ts';
import { patternsFor } from '../../shared/limit-settings.ts';
import { runIdOf } from '../../shared/names.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { ChatRequest } from '../support/llm-api/chat-api.ts';
import { type RunningChatApi, serveChatApi } from '../support/llm-api/serve-chat-api.ts';
import { type StoredRow, TargetClient } from '../support/target-run.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

/** A sixth of 450 requests and 450,000 tokens a minute, in a sixth of the time: work for about half a minute. */
const LIMIT = '75 requests and 75,000 tokens per 10 seconds, burst 2 requests, burst 4,000 tokens';
const ENFORCED = { requests: 75, tokens: 75_000, windowMs: 10_000 };
const POSTS = 220;
const KEY = `sk-${'x7'.repeat(20)}`;
const API = `api-${Date.now().toString(36)}`;
/** This model answers badly at first, and for some never well. */
const isBad = (request: ChatRequest): boolean => /Topic (?:7|17) /.test(request.messages[0]!.content);
const isRepaired = (request: ChatRequest): boolean => request.messages.length > 1;
const isHopeless = (request: ChatRequest): boolean => /Topic 17 /.test(request.messages[0]!.content);

const answer = (request: ChatRequest): string =>
  isHopeless(request) || (isBad(request) && !isRepaired(request)) ? '{"title": 7}' : JSON.stringify({ title: request.messages[0]!.content.slice(0, 40), body: 'word '.repeat(300) });

describe(`${POSTS} posts by an API with limits over an exact sliding window`, () => {
  let api: RunningChatApi;
  let target: Target;
  let client: TargetClient;
  let record: RunRecord;
  let rows: StoredRow[];

  beforeAll(async () => {
    api = await serveChatApi({ limits: ENFORCED, key: KEY, answer, usage: ({ messages }) => ({ input: Math.ceil(messages.reduce((sum, { content }) => sum + content.length, 0) / 4), output: 400 }) }, { latencyMs: 300 });
    target = await startTarget();
    client = new TargetClient(target);
    const access = { endpoint: target.endpoint, region: target.region, credentials: target.credentials };
    await createSsm(access).send(new PutParameterCommand({ Name: `${client.output('ApisPrefix')}${API}`, Type: 'SecureString', Overwrite: true, Value: JSON.stringify({ url: api.url, key: KEY }) }));
    await createLimitControlOf(createDynamo(access), client.output('LimitsTable'), { hostRequestsPerSecond: 2 }).set(patternsFor(`api:${API}:m1`, parseLimit(LIMIT)));
    const template = `Topic {{n}} for {{site}}. ${'Plain words. '.repeat(150)}`;
    const schema = { type: 'object', properties: { title: { type: 'string' }, body: { type: 'string' } }, required: ['title', 'body'], additionalProperties: false };
    const options = { api: API, model: 'm1', template, schema, variables: { n: { type: 'integer' }, site: { type: 'string' } }, maxOutputTokens: 500, groupBy: 'site', itemsPerBatch: 10, retries: 0 };
    const body = ['n,site', ...Array.from({ length: POSTS }, (_, i) => `${i + 1},site-${i % 5}`)].join('\n');
    const metadata = { 'spillway-options': JSON.stringify(options) };
    const source = await uploadManifest(client.s3, client.output('ManifestsBucket'), { key: `blogs/generate/${API}.csv`, body: new Blob([body]).stream(), metadata });
    record = await client.waitForEnd(runIdOf(source), { timeoutMs: 200_000 });
    rows = record.state === 'finished' ? await client.readVerdicts(record) : [];
  }, 300_000);
  afterAll(async () => {
    await target?.stop();
    await api?.stop();
  });

  it('end in a finished run with one verdict each, and verify finds no fault', async () => {
    expect(record).toMatchObject({ state: 'finished', options: { template: expect.stringContaining('Topic') } });
    expect(rows.map(({ line }) => line).sort((a, b) => a - b)).toEqual(Array.from({ length: POSTS }, (_, i) => i + 2));
    const results = createObjectStore(client.s3, client.output('ResultsBucket'));
    const manifests = createObjectStore(client.s3, client.output('ManifestsBucket'));
    expect((await verifyStoredRun({ ledger: client.ledger, results, manifests }, record)).faults).toEqual([]);
  });

  it('never get a 429', () => {
    expect(api.api.counts.refused).toBe(0);
  });

  it('succeed with what the schema says, one of them after it was asked again; one fails because it never fits', () => {
    const failed = rows.filter(({ verdict }) => verdict !== 'succeeded');
    expect(failed.map(({ input, error }) => [input['n'], error?.name])).toEqual([[17, 'InvalidOutputError']]);
    expect(rows.filter(({ output }) => (output?.['usage'] as { calls: number } | undefined)?.calls === 2).map(({ input }) => input['n'])).toEqual([7]);
    expect(api.api.counts.answered).toBe(POSTS + 2);
  });

  it('leave the key nowhere: not in results, the ledger or logs', async () => {
    const { files } = await client.readManifest(record);
    const stored = await Promise.all(files.map(({ path }) => client.readFile(record, path)));
    const texts = [JSON.stringify(record), JSON.stringify(rows), ...stored.map((body) => body.toString('latin1'))];
    const logs = ['ProcessBatchApi', 'PlanRun', 'AdmitRun', 'DispatchBatches'].flatMap((name) => target.embedded?.readLog(name) ?? []);
    expect([...texts, ...logs].filter((text) => text.includes(KEY))).toEqual([]);
  });
});
