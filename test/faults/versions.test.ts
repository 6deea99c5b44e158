import { randomUUID } from 'node:crypto';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_TIMINGS } from '../../cdk/timings.ts';
import { createDeadLetters, type DeadLetterQueues } from '../../shared/aws/dead-letters.ts';
import { createSqs } from '../../shared/aws/clients.ts';
import { REGION } from '../../localstack/embedded/contracts.ts';
import { assembleWithUnruly, type Overlay } from '../support/faults/overlay.ts';
import { plantRun } from '../support/faults/plant-run.ts';
import { ShortStack } from '../support/faults/short-stack.ts';

const FIXTURES = resolve(import.meta.dirname, '../fixtures/versions');
const TIMINGS = { ...DEFAULT_TIMINGS, resendAfterSeconds: 5 };
const RUN_TIMEOUT_MS = 280_000;
const WORKER = 'ProcessBatchStandard';
const MOVED = [WORKER, 'DispatchBatches'];

/** Two builds of this code whose functions say which one they are when they are loaded. */
const releases: Record<string, Overlay> = {};
beforeAll(async () => {
  for (const name of ['earlier', 'later']) releases[name] = await assembleWithUnruly({ timings: TIMINGS, change: (root) => nameRelease(root, name) });
});
afterAll(() => Object.values(releases).forEach((release) => release.remove()));

function nameRelease(sourceRoot: string, name: string): void {
  const lambdas = join(sourceRoot, 'lambdas');
  for (const lambda of readdirSync(lambdas)) appendFileSync(join(lambdas, lambda, 'handler.ts'), `\nconsole.log('loaded: ${name}');\n`);
}

const loads = ({ stack }: ShortStack, functionName: string, release: string): number => stack.readLog(functionName).filter((line) => line === `loaded: ${release}`).length;

/** Returns when environments of this release have been loaded for what has to be done now. */
async function deploy(stack: ShortStack, release: string): Promise<void> {
  const before = MOVED.map((name) => loads(stack, name, release));
  await stack.stack.deploy(releases[release]!.folder);
  while (!MOVED.every((name, i) => loads(stack, name, release) > before[i]!)) await wait(50);
}

test('code is swapped in the middle of a run, and swapped back, and nobody notices', async () => {
  await using stack = await ShortStack.start({ templateFolder: releases['earlier']!.folder });
  const rows = Array.from({ length: 240 }, () => 'sleep 400');
  const settled: number[] = [];
  const onRead = async (run: string): Promise<void> => void settled.push((await stack.client.ledger.readShards(run, [0, 1])).reduce((sum, { nd }) => sum + nd, 0));
  const ended = stack.runToEnd('swapped', rows, { itemsPerBatch: 5 }, (run) => void onRead(run));
  const hasSettled = async (more: number): Promise<void> => {
    const aim = (settled.at(-1) ?? 0) + more;
    while ((settled.at(-1) ?? 0) < aim) await wait(50);
  };
  await hasSettled(3);
  await deploy(stack, 'later');
  await hasSettled(5);
  await deploy(stack, 'earlier');
  expect(settled.at(-1)).toBeLessThan(rows.length / 5);
  const { errors, succeeded, starts } = await ended;
  expect([errors, succeeded]).toEqual([{}, rows.length]);
  expect(starts).toEqual(rows.map(() => 1));
  expect(stack.deaths).toEqual([]);
});

test.each(readdirSync(FIXTURES).filter((name) => name.endsWith('.json')))('%s: what an earlier release left is finished by this one', async (name) => {
  await using stack = await ShortStack.start({ templateFolder: releases['later']!.folder });
  const file = join(FIXTURES, name);
  const run = await plantRun(stack, file);
  const record = await stack.client.waitForEnd(run, { timeoutMs: RUN_TIMEOUT_MS });
  expect(record).toMatchObject({ state: 'finished', totals: { rows: 81, invalid: 1, duplicates: 2, items: 80 } });
  expect(await stack.verify(record)).toMatchObject({ isClean: true, faults: [] });
  expect((await stack.client.readVerdicts(record)).length).toBe((JSON.parse(readFileSync(file, 'utf8')) as { items: number }).items);
  expect(await listParked(stack)).toEqual([]);
});

/** Bodies of the messages that this release could not read. */
async function listParked({ stack }: ShortStack): Promise<string[]> {
  const { endpoint, credentials, outputs } = stack;
  const queues = JSON.parse(outputs['DeadLetterQueues']!) as DeadLetterQueues;
  const parked: string[] = [];
  await createDeadLetters(createSqs({ endpoint, region: REGION, credentials }), queues, randomUUID).visit(async ({ body }) => {
    parked.push(body);
    return 'keep';
  });
  return parked;
}
