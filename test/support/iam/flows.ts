import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { type DynamoDBDocumentClient, DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { freshBatch } from '../../../shared/batch-state.ts';
import { createDynamo, createSqs, createSsm } from '../../../shared/aws/clients.ts';
import { doneKey, openKey, runKey, shardKey } from '../../../shared/aws/ledger-keys.ts';
import { createLimitControlOf } from '../../../shared/aws/limit-control.ts';
import { createTenantStore } from '../../../shared/aws/tenant-table.ts';
import { parseLimit } from '../../../shared/limit-language.ts';
import { patternsFor } from '../../../shared/limit-settings.ts';
import { listPlace, runIdOf } from '../../../shared/names.ts';
import type { RunRecord } from '../../../shared/records.ts';
import { tenantSettingsSchema } from '../../../shared/tenant-settings.ts';
import { type GatedSite, startGatedSite } from '../gated-site.ts';
import { serveChatApi } from '../llm-api/serve-chat-api.ts';
import { TargetClient } from '../target-run.ts';
import type { Target } from '../targets/target.ts';
import { ApiCaller } from './api-caller.ts';

/** What a stack does for its users, each way once, small: so that every permission it needs is asked for. */
export async function driveFlows(target: Target): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const site = await startGatedSite(Infinity);
  cleanup.defer(() => site.close());
  const access = { endpoint: target.endpoint, region: target.region, credentials: target.credentials };
  const stage: Stage = { target, client: new TargetClient(target), api: await ApiCaller.create(target, TENANT), dynamo: createDynamo(access), site };
  const flows = [plainRuns, refusedUploads, servedRuns, servedDocuments, generatedTexts, parkedMessages, waitingRuns, deletedRuns, operatedStack, lostSteps];
  // Before any worker has read the settings.
  await createLimitControlOf(stage.dynamo, stage.client.output('LimitsTable'), { hostRequestsPerSecond: 2 }).set(patternsFor(`host:${new URL(site.url(0)).host}`, parseLimit('1000 requests per second')));
  const ends = await Promise.allSettled(flows.map((flow) => flow(stage)));
  ends.push(...(await Promise.allSettled([brokenRecords(stage)])));
  const failures = ends.flatMap((end, i) => (end.status === 'rejected' ? [new Error((flows[i] ?? brokenRecords).name, { cause: end.reason })] : []));
  if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message, cause }) => `${message}: ${String(cause)}`).join('\n'));
}

interface Stage {
  readonly target: Target;
  readonly client: TargetClient;
  readonly api: ApiCaller;
  readonly dynamo: DynamoDBDocumentClient;
  readonly site: GatedSite;
}

const TENANT = 'acme';
const DAY_MS = 86_400_000;
const LONG_RUN = 1500;
const WORK_QUEUES = ['StandardWork', 'ApiWork', 'WebWork', 'DocumentWork'];

const options = (of: object) => ({ 'spillway-options': JSON.stringify(of) });
const rows = (count: number) => Array.from({ length: count }, (_, i) => `row ${i}`).join('\n');

/** Each worker class, with items that fail, so that runs are counted anew, and results of many shards. */
async function plainRuns(stage: Stage): Promise<void> {
  const { client, site } = stage;
  const pages = Array.from({ length: 4 }, (_, page) => site.url(page)).join('\n');
  const fragile = options({ itemsPerBatch: 1, retries: 0, maxFailures: 100 });
  const runs = await Promise.all([
    client.upload('acme/noop/many.txt', rows(11_000), options({ maxFailures: 5 })),
    client.upload('acme/llms-txt/pages.txt', `${pages}\nhttp://127.0.0.1:9/nothing`, fragile),
    client.upload('acme/llms-txt/tree.csv', `url,expand\n${site.url(1)},links`),
    client.upload('acme/document/pages.jsonl', `{"url":"${site.url(2)}"}\n{"url":"http://127.0.0.1:9/nothing"}`, fragile),
  ]);
  for (const run of runs) {
    const { state, error = '' } = await client.waitForEnd(run);
    if (state !== 'finished') throw new Error(error);
  }
  await ownProcessor(stage, runs[1]);
}

/** A processor of one's own runs on the class `standard`, fetches pages there and fails. Of those at hand none does: a run of pages stands in. */
async function ownProcessor(stage: Stage, run: string): Promise<void> {
  const { client, dynamo } = stage;
  const TableName = client.output('ProgressTable');
  const [shard] = await client.ledger.readShards(run, [0]);
  const b = Object.fromEntries(shard!.sizes.map((size, batch) => [String(batch), freshBatch(size)]));
  await dynamo.send(new PutCommand({ TableName, Item: { ...shardKey(run, 0), ...shard!, b, nd: 0, ok: 0, ko: 0, sk: 0 } }));
  await dynamo.send(new DeleteCommand({ TableName, Key: doneKey(run) }));
  const values = { ':open': 'open', ':class': 'standard' };
  await dynamo.send(new UpdateCommand({ TableName, Key: runKey(run), UpdateExpression: 'SET #s = :open, workerClass = :class', ExpressionAttributeNames: { '#s': 'state' }, ExpressionAttributeValues: values }));
  const { source, createdAt: uploadedAt } = (await client.ledger.readRun(run))!;
  await dynamo.send(new PutCommand({ TableName, Item: { ...openKey(run), v: 1, run, source, uploadedAt } }));
  await waitUntil(async () => (await client.ledger.readShards(run, [0]))[0]?.nd === shard!.n);
}

/** With their reason beside the manifest, by admission and by the end of a failed plan; of a tenant without an account, too. */
async function refusedUploads({ client }: Stage): Promise<void> {
  const runs = [await client.upload('acme/no-such/list.txt', 'one\n'), await client.upload('acme/noop/empty.txt', ''), await client.upload('newcomer/generate/empty.txt', '', options({ model: 'm1' }))];
  for (const run of runs) await client.waitForEnd(run);
}

/** All that the API offers of runs and keys. */
async function servedRuns({ api }: Stage): Promise<void> {
  for (const path of ['/health', '/openapi.json', '/v1/queue', '/v1/usage', '/v1/keys']) await api.call('GET', path);
  await api.call('GET', '/').catch(() => undefined);
  const headers = { 'idempotency-key': randomUUID() };
  const made = await api.call('POST', '/v1/runs', { processor: 'noop', items: ['a', 'b'] }, headers);
  await api.call('POST', '/v1/runs', { processor: 'noop', items: ['a', 'b'] }, headers);
  await api.finished(made['run']);
  for (const path of ['', '/items', '/results', '/errors']) await api.call('GET', `/v1/runs/${String(made['run'])}${path}`);
  await api.call('GET', '/v1/runs?state=finished');
  const links = await api.call('GET', `/v1/runs/${String(made['run'])}/results?prefix=results/`);
  for (const { url } of links['files'] as { url: string }[]) await (await fetch(url)).arrayBuffer();
  const key = await api.call('POST', '/v1/keys', { name: 'reader', scopes: ['read'] });
  await api.call('POST', `/v1/keys/${String(key['id'])}/rotate`, { overlapSeconds: 60 });
  await api.call('DELETE', `/v1/keys/${String(key['id'])}`);
  const { run: long } = await api.call('POST', '/v1/runs', { processor: 'noop', options: { itemsPerBatch: 1 }, items: Array.from({ length: LONG_RUN }, (_, i) => `item ${i}`) });
  await api.waitFor(`/v1/runs/${String(long)}`, ({ total }) => total === LONG_RUN);
  // Paused, it has open batches when it is cancelled, however slow this machine is.
  for (const verb of ['pause', 'resume', 'pause', 'cancel']) await api.call('POST', `/v1/runs/${String(long)}/${verb}`);
  await api.finished(long);
  const { run: failing } = await api.call('POST', '/v1/runs', { processor: 'generate', options: { api: 'nobody', model: 'm1', itemsPerBatch: 1, maxFailures: 50 }, items: ['a', 'b'] });
  await api.finished(failing);
  await api.call('POST', `/v1/runs/${String(failing)}/redrive`, { errors: ['ApiNotConfiguredError'] });
}

/** On demand, and because their tenant keeps them no longer. */
async function deletedRuns({ target, client, api, dynamo }: Stage): Promise<void> {
  const { run } = await api.call('POST', '/v1/runs', { processor: 'noop', items: ['a'] });
  await api.finished(run);
  await waitUntil(async () => !(await client.ledger.listOpen()).some((open) => open.run === run));
  await api.call('DELETE', `/v1/runs/${String(run)}`);
  const short = await client.waitForEnd(await client.upload('forgetful/noop/a.txt', 'one\n'));
  await waitUntil(async () => !(await client.ledger.listOpen()).some((open) => open.run === short.run));
  const [old, TableName] = [new Date(Date.now() - 2 * DAY_MS).toISOString(), client.output('ProgressTable')];
  for (const pk of ['RUNS', 'RUNS#forgetful']) await dynamo.send(new PutCommand({ TableName, Item: { pk, sort: listPlace({ createdAt: old, run: short.run }), v: 1, run: short.run } }));
  await dynamo.send(new UpdateCommand({ TableName, Key: runKey(short.run), UpdateExpression: 'SET createdAt = :old, finishedAt = :old', ExpressionAttributeValues: { ':old': old } }));
  await createTenantStore(dynamo, client.output('TenantsTable')).writeSettings('forgetful', tenantSettingsSchema.parse({ retentionDays: 1 }));
  await target.invoke('EraseRuns', {});
}

/** What the API offers to who runs the stack. */
async function operatedStack({ api }: Stage): Promise<void> {
  await api.call('PUT', '/v1/limits/host:operated.example', { limit: '5 requests per second' });
  for (const path of ['/v1/workers', '/v1/limits', '/v1/limits/host:operated.example', '/v1/tenants', '/v1/tenants/operated', '/metrics']) await api.call('GET', path);
  await api.call('DELETE', '/v1/limits/host:operated.example');
  await api.call('PUT', '/v1/tenants/operated', { weight: 2 });
  await api.call('POST', '/v1/tenants/operated/credits', { amount: 5, id: 'first' });
}

/** By a form straight into the bucket, with a manifest among the files, and in one call. */
async function servedDocuments(stage: Stage): Promise<void> {
  const { api } = stage;
  const form = (await api.call('POST', '/v1/uploads', {})) as unknown as { upload: string; url: string; fields: Record<string, string>; keyPrefix: string };
  const files = { 'a.txt': 'Water runs over the weir.', 'work.csv': `file\n${form.upload}/a.txt\n${form.upload}/missing.txt\n` };
  for (const [name, text] of Object.entries(files)) {
    const body = new FormData();
    for (const [field, value] of Object.entries({ ...form.fields, key: form.keyPrefix + name })) body.append(field, value);
    body.append('file', new Blob([text]), name);
    await fetch(form.url, { method: 'POST', body });
  }
  const { run } = await api.call('POST', `/v1/uploads/${form.upload}/complete`, { manifest: 'work.csv' });
  await api.finished(run);
  await api.call('GET', `/v1/items/${String(run)}.2`);
  await api.call('GET', `/v1/items/${String(run)}.3/explain`);
  await refusedAdoption(stage, { upload: form.upload, run: String(run) });
  const other = await api.call('POST', '/v1/uploads', {});
  await api.call('POST', `/v1/uploads/${String(other['upload'])}/complete`, { manifest: 'none.csv' }).catch(() => undefined);
  const document = new FormData();
  document.append('file', new Blob(['A sluice.']), 'sluice.txt');
  const { item } = await api.call('POST', '/v1/documents', document);
  await api.waitFor(`/v1/items/${String(item)}`, ({ state }) => state === 'done');
}

/** The manifest of a request was replaced by one that is refused: whoever asks again for its run meets it. */
async function refusedAdoption({ client, dynamo, api }: Stage, { upload, run }: { readonly upload: string; readonly run: string }): Promise<void> {
  const { source } = (await client.ledger.readRun(run))!;
  const refused = await client.upload(source.key, 'one\n', { 'spillway-processor': 'no-such' });
  await client.waitForEnd(refused);
  await dynamo.send(new DeleteCommand({ TableName: client.output('ProgressTable'), Key: runKey(refused) }));
  await api.call('POST', `/v1/uploads/${upload}/complete`, { manifest: 'work.csv' }).catch(() => undefined);
}

/** An API whose address and key lie in Parameter Store. */
async function generatedTexts({ target, client }: Stage): Promise<void> {
  const chat = await serveChatApi({ limits: { requests: 1000, tokens: 1_000_000, windowMs: 1000 }, key: 'sk-test', answer: () => 'text', usage: () => ({ input: 1, output: 1 }) }, { latencyMs: 1 });
  try {
    const access = { endpoint: target.endpoint, region: target.region, credentials: target.credentials };
    await createSsm(access).send(new PutParameterCommand({ Name: `${client.output('ApisPrefix')}chat`, Type: 'SecureString', Value: JSON.stringify({ url: chat.url, key: 'sk-test' }) }));
    await client.waitForEnd(await client.upload('acme/generate/posts.txt', 'one\ntwo\n', options({ api: 'chat', model: 'm1' })));
  } finally {
    await chat.stop();
  }
}

const deadLetterQueues = (client: TargetClient) => JSON.parse(client.output('DeadLetterQueues')) as Record<string, { readonly url: string; readonly source?: string }>;

async function sendTo({ target, client }: Stage, queue: string, body: string): Promise<void> {
  const sqs = createSqs({ endpoint: target.endpoint, region: target.region, credentials: target.credentials });
  const group = queue === 'Dispatch' && { MessageGroupId: 'dispatch', MessageDeduplicationId: randomUUID() };
  await sqs.send(new SendMessageCommand({ QueueUrl: deadLetterQueues(client)[queue]!.source!, MessageBody: body, ...group }));
}

/** What nobody can read. */
async function parkedMessages(stage: Stage): Promise<void> {
  for (const queue of ['Dispatch', ...WORK_QUEUES]) await sendTo(stage, queue, 'not JSON');
}

/** Records that make a worker and a dispatcher's round fail: their messages come again soon. Last, because the dispatcher stands still meanwhile. */
async function brokenRecords(stage: Stage): Promise<void> {
  const { target, client, dynamo } = stage;
  const TableName = client.output('ProgressTable');
  const readers = new Set(['DispatchBatches', 'ProcessBatchStandard', 'ProcessBatchApi', 'ProcessBatchWeb', 'ProcessBatchDocument']);
  target.embedded!.onCall(({ principal, action }) => action === 'sqs:ChangeMessageVisibility' && readers.delete(principal));
  const whole = await client.waitForEnd(await client.upload('broken/noop/a.txt', 'one\n'));
  const run = runIdOf({ ...whole.source, version: 'broken' });
  await dynamo.send(new PutCommand({ TableName, Item: { ...whole, ...runKey(run), run, state: 'open' } }));
  await dynamo.send(new PutCommand({ TableName, Item: { ...shardKey(run, 0), v: 1, run, tenant: 'broken', shard: 0 } }));
  for (const queue of WORK_QUEUES) await sendTo(stage, queue, JSON.stringify({ v: 1, run, shard: 0, batch: 0, q: 0 }));
  await dynamo.send(new PutCommand({ TableName: client.output('LanesTable'), Item: { pk: 'LANES', stamp: 'broken', body: Buffer.from('broken') } }));
  await sendTo(stage, 'Dispatch', JSON.stringify({ v: 1, type: 'wake' }));
  await waitUntil(async () => readers.size === 0);
}

/** For credits, then for room: and let in by the sweep, by whoever ends, or stopped while they wait. */
async function waitingRuns({ client, dynamo }: Stage): Promise<void> {
  const settings = createTenantStore(dynamo, client.output('TenantsTable'));
  await settings.writeSettings('poor', tenantSettingsSchema.parse({ paysCredits: true }));
  const poor = await client.upload('poor/generate/a.txt', 'one\ntwo\n', options({ model: 'm1' }));
  await waitUntil(async () => (await client.ledger.readRun(poor))?.queued !== undefined);
  await client.ledger.requestStop(poor, { reason: 'cancelled', at: new Date().toISOString() });
  await settings.writeSettings('capped', tenantSettingsSchema.parse({ maxWaitingItems: 50 }));
  const runs = await Promise.all([1, 2, 3].map((n) => client.upload(`capped/noop/${n}.txt`, rows(40))));
  await settings.writeSettings('late', tenantSettingsSchema.parse({ paysCredits: true }));
  const late = await client.upload('late/generate/a.txt', 'one\n', options({ api: 'nobody', model: 'm1' }));
  await waitUntil(async () => (await client.ledger.readRun(late))?.queued !== undefined);
  await settings.writeSettings('late', tenantSettingsSchema.parse({ maxWaitingItems: 10 }));
  for (const run of [poor, late, ...runs]) await client.waitForEnd(run);
}

/** What a crash left half done, and the sweep finds: an admission, a start, an answer to the state machine. */
async function lostSteps(stage: Stage): Promise<void> {
  const { target, client, dynamo } = stage;
  const Table = client.output('ProgressTable');
  const ghost = { bucket: client.output('ManifestsBucket'), key: 'ghost/noop/a.txt', version: 'none', bytes: 1, etag: 'e' };
  const open = (source: typeof ghost | RunRecord['source']) => ({ ...openKey(runIdOf(source)), v: 1, run: runIdOf(source), source, uploadedAt: new Date().toISOString() });
  await dynamo.send(new PutCommand({ TableName: Table, Item: open(ghost) }));
  await waitUntil(async () => (await client.ledger.readRun(runIdOf(ghost)))?.state === 'failed');
  const finished = async (key: string): Promise<RunRecord> => {
    const run = await client.waitForEnd(await client.upload(key, 'one\none\n'));
    await waitUntil(async () => !(await client.ledger.listOpen()).some((each) => each.run === run.run));
    return run;
  };
  const whole = await finished('crashed/noop/a.txt');
  await dynamo.send(new DeleteCommand({ TableName: Table, Key: runKey(whole.run) }));
  await dynamo.send(new PutCommand({ TableName: Table, Item: open(whole.source) }));
  await waitUntil(async () => (await client.ledger.readRun(whole.run))?.started !== undefined);
  const silent = await finished('crashed/noop/b.txt');
  await dynamo.send(new UpdateCommand({ TableName: Table, Key: runKey(silent.run), UpdateExpression: 'SET #s = :open REMOVE acked', ExpressionAttributeNames: { '#s': 'state' }, ExpressionAttributeValues: { ':open': 'open' } }));
  await dynamo.send(new PutCommand({ TableName: Table, Item: open(silent.source) }));
  await waitUntil(async () => (await client.ledger.readRun(silent.run))?.acked !== undefined);
  // A late duplicate of its admission.
  const late = await finished('crashed/noop/c.txt');
  await dynamo.send(new PutCommand({ TableName: Table, Item: open(late.source) }));
  await target.invoke('SweepRuns', {});
  await repeatedSteps(stage, silent);
}

/** Steps of the state machine that come once more, later than all is done, and find files or manifests gone. */
async function repeatedSteps({ target, client, dynamo }: Stage, { run, execution, source, ...record }: RunRecord): Promise<void> {
  const Table = client.output('ProgressTable');
  const again = (step: string, event: object): Promise<unknown> => target.invoke(step, { v: 1, run, ...event }).catch(() => undefined);
  await again('AwaitRun', { token: 'T'.repeat(64), execution, attempt: 0 });
  await target.invoke('AdmitRun', { time: new Date().toISOString(), detail: { bucket: { name: source.bucket }, object: { key: source.key, size: 1, etag: 'e', 'version-id': 'none' } } });
  await dynamo.send(new UpdateCommand({ TableName: Table, Key: runKey(run), UpdateExpression: 'SET #s = :stopping, #token = :token REMOVE acked', ExpressionAttributeNames: { '#s': 'state', '#token': 'token' }, ExpressionAttributeValues: { ':stopping': 'stopping', ':token': record.token } }));
  await again('PlanRun', {});
  for (const key of await client.listKeys(client.output('ResultsBucket'), `${record.tenant}/${run}/`)) await client.s3.send(new DeleteObjectCommand({ Bucket: client.output('ResultsBucket'), Key: key }));
  await again('PlanRun', {});
  await again('MergeResults', {});
  await dynamo.send(new UpdateCommand({ TableName: Table, Key: runKey(run), UpdateExpression: 'REMOVE totals SET #s = :open, #source.#version = :none', ExpressionAttributeNames: { '#s': 'state', '#source': 'source', '#version': 'version' }, ExpressionAttributeValues: { ':open': 'open', ':none': 'none' } }));
  await again('PlanRun', {});
}

async function waitUntil(isSo: () => Promise<boolean>, timeoutMs = 40_000): Promise<void> {
  for (const giveUpAt = Date.now() + timeoutMs; !(await isSo()); ) {
    if (Date.now() > giveUpAt) throw new Error(`expected it to happen within ${timeoutMs / 1000} s: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
