import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe as describeApi } from '../../lambdas/serve-api/openapi.ts';
import { OPERATIONS } from '../../lambdas/serve-api/operations.ts';
import { ALL_SCOPES, createKey } from '../../shared/api-keys.ts';
import { keysOf } from '../support/target-keys.ts';
import { startEmbedded } from '../support/targets/embedded.ts';

/**
 * Holds the API against its own document with Schemathesis, stateful too: no 5xx, no answer outside its schema, nothing accepted that the document forbids; each operation
 * is accepted at least once, and 30 % of all requests are. Prints both per operation.
 * `node test/contract/check-api.ts`; more words go to the program. SCHEMATHESIS names the program (`pip install schemathesis`).
 */
const PROGRAM = process.env['SCHEMATHESIS'] ?? 'schemathesis';
/** What the document can't say (which options fit together, that an API exists) may be refused although it fits the schema. */
const LEFT_OUT = ['positive_data_acceptance'];
const LEAST_ACCEPTED = 0.3;
/** Everything, right and wrong; then right requests alone, which reach what is behind the checks. */
const PASSES = { all: ['--max-examples', '15'], right: ['--mode', 'positive', '--phases', 'examples,fuzzing,stateful', '--max-examples', '60'] };
const REVIVED_EVERY_MS = 50;
/** Schemathesis reads it, and asks for it no more. */
const DOCUMENT = 'openApi';

interface Entry {
  readonly request: { readonly method: string; readonly url: string };
  readonly response: { readonly status: number };
}

const target = await startEmbedded();
const folder = mkdtempSync(join(tmpdir(), 'spillway-contract-'));
let isGood = false;
try {
  const key = await makeKey();
  const call = caller(key);
  writeFileSync(join(folder, 'schemathesis.toml'), await settings(call));
  const common = ['--config-file', join(folder, 'schemathesis.toml'), 'run', `${target.apiEndpoint}/openapi.json`, '--url', target.apiEndpoint, '-H', `Authorization: Bearer ${key}`, '--continue-on-failure', '--request-timeout', '30', '--exclude-checks', LEFT_OUT.join(), '--seed', '1', ...process.argv.slice(2)];
  const entries: Entry[] = [];
  let code = 0;
  for (const [name, words] of Object.entries(PASSES)) {
    const har = join(folder, `${name}.json`);
    const ended = await run([...common, ...words, '--report-har-path', har]);
    code ||= ended;
    entries.push(...(JSON.parse(readFileSync(har, 'utf8')) as { log: { entries: Entry[] } }).log.entries);
  }
  const table = tally(entries);
  for (const row of table) console.log(`${row.id.padEnd(14)} ${String(row.accepted).padStart(5)} of ${String(row.requests).padStart(5)} accepted   ${row.statuses}`);
  const [accepted, requests] = [sum(table.map((row) => row.accepted)), sum(table.map((row) => row.requests))];
  const never = table.filter((row) => row.accepted === 0 && row.id !== DOCUMENT).map((row) => row.id);
  console.log(`${'all'.padEnd(14)} ${String(accepted).padStart(5)} of ${String(requests).padStart(5)} accepted (${Math.round((100 * accepted) / requests)} %)${never.length > 0 ? `; never: ${never.join(', ')}` : ''}`);
  isGood = code === 0 && never.length === 0 && accepted / requests >= LEAST_ACCEPTED;
} finally {
  rmSync(folder, { recursive: true, force: true });
  await target.stop();
}
console.log(isGood ? 'the API is as its document says' : 'the API is not as its document says');
// The embedded stack's ended threads may keep Node.js from ending by itself.
process.exit(isGood ? 0 : 1);

async function makeKey(): Promise<string> {
  const keys = keysOf(target);
  const { record, text } = createKey({ tenant: 'contract', scopes: ALL_SCOPES, name: 'contract', createdAt: Date.now() }, randomBytes);
  await keys.write(record);
  // What can be done to any key is done to this one, too.
  setInterval(() => void keys.write(record), REVIVED_EVERY_MS).unref();
  return text;
}

function caller(key: string) {
  return async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`${target.apiEndpoint}${path}`, { method, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, ...(body && { body: JSON.stringify(body) }) });
    return (await response.json()) as Record<string, unknown>;
  };
}

/** Ids of runs that there are: one that has finished, with failed items, for what is asked of such; one that goes on for what is done to such. */
async function settings(call: ReturnType<typeof caller>): Promise<string> {
  const { run: finished } = await call('POST', '/v1/runs', { processor: 'generate', options: { model: 'm1', api: 'nobody' }, items: ['a', 'b'] });
  const { run: open } = await call('POST', '/v1/runs', { processor: 'noop', options: { itemsPerBatch: 1 }, items: Array.from({ length: 2000 }, (_, i) => `item ${i}`) });
  await call('POST', `/v1/runs/${String(open)}/pause`);
  const { run: unwanted } = await call('POST', '/v1/runs', { processor: 'noop', options: { itemsPerBatch: 1 }, items: Array.from({ length: 20 }, (_, i) => `item ${i}`) });
  await call('POST', `/v1/runs/${String(unwanted)}/pause`);
  const { run: ended } = await call('POST', '/v1/runs', { processor: 'noop', items: ['x'] });
  const upload = await storeFile(call);
  for (const name of ['kept', 'gone']) await call('PUT', `/v1/limits/host:${name}.example`, { limit: '5 requests per second' });
  for (const run of [finished, ended]) while ((await call('GET', `/v1/runs/${String(run)}`))['state'] !== 'finished') await new Promise((resolve) => setTimeout(resolve, 100));
  const forOperations = { listResults: finished, listErrors: finished, listItems: finished, redriveRun: finished, showRun: finished, pauseRun: open, resumeRun: open, cancelRun: unwanted, deleteRun: ended };
  const parameters = [
    ...Object.entries(forOperations).map(([id, run]) => [id, 'run', String(run)]),
    ...['showItem', 'explainItem'].map((id) => [id, 'item', `${String(finished)}.1`]),
    ['completeUpload', 'upload', upload],
    ['showLimit', 'key', 'host:kept.example'],
    ['setLimit', 'key', 'host:set.example'],
    ['unsetLimit', 'key', 'host:gone.example'],
  ];
  return parameters.map(([id, name, value]) => `[[operations]]\ninclude-operation-id = "${id}"\nparameters = { "path.${name}" = "${value}" }\n`).join('\n');
}

/** @returns the id of an upload with one file */
async function storeFile(call: ReturnType<typeof caller>): Promise<string> {
  const { upload, url, fields, keyPrefix } = (await call('POST', '/v1/uploads', {})) as { upload: string; url: string; fields: Record<string, string>; keyPrefix: string };
  const form = new FormData();
  for (const [name, value] of Object.entries({ ...fields, key: `${keyPrefix}a.txt` })) form.append(name, value);
  form.append('file', new Blob(['a text']), 'a.txt');
  await fetch(url, { method: 'POST', body: form });
  return upload;
}

function run(words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(PROGRAM, words, { stdio: 'inherit', cwd: folder });
    child.once('error', (error) => reject(new Error(`expected the program ${PROGRAM}: pip install schemathesis, or name it in SCHEMATHESIS (${error.message})`)));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

interface Row {
  readonly id: string;
  readonly requests: number;
  readonly accepted: number;
  readonly statuses: string;
}

function tally(entries: readonly Entry[]): Row[] {
  const { paths } = describeApi(OPERATIONS) as { paths: Record<string, Record<string, { operationId: string }>> };
  const patterns = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, { operationId: id }]) => ({ id, method: method.toUpperCase(), matches: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`) })));
  return patterns.map(({ id, method, matches }) => {
    const own = entries.filter(({ request }) => request.method === method && matches.test(new URL(request.url).pathname.replace(/^\/prod/, '')));
    const statuses = Map.groupBy(own, ({ response }) => response.status);
    return { id, requests: own.length, accepted: own.filter(({ response }) => response.status < 300).length, statuses: [...statuses].toSorted(([a], [b]) => a - b).map(([status, all]) => `${status}: ${all.length}`).join(', ') };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
