import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { PutParameterCommand } from '@aws-sdk/client-ssm';
import { type DynamoDBDocumentClient, DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { createDynamo, createSqs, createSsm } from '../../../shared/aws/clients.ts';
import { openKey, runKey } from '../../../shared/aws/ledger-keys.ts';
import { createTenantStore } from '../../../shared/aws/tenant-table.ts';
import { runIdOf } from '../../../shared/names.ts';
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
  const flows = [plainRuns, refusedUploads, servedRuns, servedDocuments, generatedTexts, parkedMessages, brokenBatches, waitingRuns, lostSteps];
  const ends = await Promise.allSettled(flows.map((flow) => flow(stage)));
  const failures = ends.flatMap((end, i) => (end.status === 'rejected' ? [new Error(flows[i]!.name, { cause: end.reason })] : []));
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
const WORK_QUEUES = ['StandardWork', 'ApiWork', 'WebWork', 'DocumentWork'];

const options = (of: object) => ({ 'spillway-options': JSON.stringify(of) });
const rows = (count: number) => Array.from({ length: count }, (_, i) => `row ${i}`).join('\n');

/** Each worker class, with items that fail, so that runs are counted anew, and results of many shards. */
async function plainRuns({ client, site }: Stage): Promise<void> {
  const pages = Array.from({ length: 4 }, (_, page) => site.url(page)).join('\n');
  const fragile = options({ itemsPerBatch: 1, retries: 0, maxFailures: 100 });
  const runs = await Promise.all([
    client.upload('acme/noop/many.txt', rows(11_000), options({ maxFailures: 5 })),
    client.upload('acme/llms-txt/pages.txt', `${pages}\nhttp://127.0.0.1:9/nothing`, fragile),
    client.upload('acme/llms-txt/tree.csv', `url,expand\n${site.url(1)},links`),
    client.upload('acme/document/pages.csv', `url\n${site.url(2)}\nhttp://127.0.0.1:9/nothing`, fragile),
  ]);
  for (const run of runs) await client.waitForEnd(run);
}

/** With their reason beside the manifest, by admission and by the end of a failed plan; of a tenant without an account, too. */
async function refusedUploads({ client }: Stage): Promise<void> {
  const runs = [await client.upload('acme/no-such/list.txt', 'one\n'), await client.upload('acme/noop/empty.txt', ''), await client.upload('newcomer/generate/empty.txt', '', options({ model: 'm1' }))];
  for (const run of runs) await client.waitForEnd(run);
}

/** All that the API offers of runs and keys. */
async function servedRuns({ api }: Stage): Promise<void> {
  for (const path of ['/health', '/openapi.json', '/v1/queue', '/v1/usage', '/v1/keys']) await api.call('GET', path);
  const headers = { 'idempotency-key': randomUUID() };
  const made = await api.call('POST', '/v1/runs', { processor: 'noop', items: ['a', 'b'] }, headers);
  await api.call('POST', '/v1/runs', { processor: 'noop', items: ['a', 'b'] }, headers);
  await api.finished(made['run']);
  for (const path of ['', '/items', '/results', '/errors']) await api.call('GET', `/v1/runs/${String(made['run'])}${path}`);
  await api.call('GET', '/v1/runs?state=finished');
  const { body: links } = { body: await api.call('GET', `/v1/runs/${String(made['run'])}/results?prefix=results/`) };
  for (const { url } of links['files'] as { url: string }[]) await (await fetch(url)).arrayBuffer();
  const key = await api.call('POST', '/v1/keys', { name: 'reader', scopes: ['read'] });
  await api.call('POST', `/v1/keys/${String(key['id'])}/rotate`, { overlapSeconds: 60 });
  await api.call('DELETE', `/v1/keys/${String(key['id'])}`);
  const { run: long } = await api.call('POST', '/v1/runs', { processor: 'noop', options: { itemsPerBatch: 1 }, items: Array.from({ length: 400 }, (_, i) => `item ${i}`) });
  await api.waitFor(`/v1/runs/${String(long)}`, ({ total }) => total === 400);
  for (const verb of ['pause', 'resume', 'cancel']) await api.call('POST', `/v1/runs/${String(long)}/${verb}`);
  await api.finished(long);
  const { run: failing } = await api.call('POST', '/v1/runs', { processor: 'generate', options: { api: 'nobody', model: 'm1', itemsPerBatch: 1, maxFailures: 50 }, items: ['a', 'b'] });
  await api.finished(failing);
  await api.call('POST', `/v1/runs/${String(failing)}/redrive`, { errors: ['ApiNotConfiguredError'] });
}

/** By a form straight into the bucket, with a manifest among the files, and in one call. */
async function servedDocuments({ api }: Stage): Promise<void> {
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
  const other = await api.call('POST', '/v1/uploads', {});
  await api.call('POST', `/v1/uploads/${String(other['upload'])}/complete`, { manifest: 'none.csv' }).catch(() => undefined);
  const document = new FormData();
  document.append('file', new Blob(['A sluice.']), 'sluice.txt');
  const { item } = await api.call('POST', '/v1/documents', document);
  await api.waitFor(`/v1/items/${String(item)}`, ({ state }) => state === 'done');
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

/** A batch whose shard file is gone comes again soon. */
async function brokenBatches(stage: Stage): Promise<void> {
  const { client } = stage;
  const record = await client.waitForEnd(await client.upload('broken/noop/a.txt', 'one\n'));
  void record;
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
  for (const run of [poor, ...runs]) await client.waitForEnd(run);
}

/** What a crash left half done, and the sweep finds: an admission, a start, an answer to the state machine. */
async function lostSteps({ client, dynamo }: Stage): Promise<void> {
  const Table = client.output('ProgressTable');
  const ghost = { bucket: client.output('ManifestsBucket'), key: 'ghost/noop/a.txt', version: 'none', bytes: 1, etag: 'e' };
  const open = (source: typeof ghost | RunRecord['source']) => ({ ...openKey(runIdOf(source)), v: 1, run: runIdOf(source), source, uploadedAt: new Date().toISOString() });
  await dynamo.send(new PutCommand({ TableName: Table, Item: open(ghost) }));
  await waitUntil(async () => (await client.ledger.readRun(runIdOf(ghost)))?.state === 'failed');
  const finished = async (key: string): Promise<RunRecord> => {
    const run = await client.waitForEnd(await client.upload(key, 'one\n'));
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
}

async function waitUntil(isSo: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  for (const giveUpAt = Date.now() + timeoutMs; !(await isSo()); ) {
    if (Date.now() > giveUpAt) throw new Error(`expected it to happen within ${timeoutMs / 1000} s: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
void [DeleteObjectCommand, PutObjectCommand];
