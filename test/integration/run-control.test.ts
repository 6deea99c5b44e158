import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cancelCommand, pauseCommand, resumeCommand } from '../../cli/commands/control.ts';
import { redriveCommand, type RedriveOptions } from '../../cli/commands/redrive.ts';
import { verifyStoredRun } from '../../cli/verify-stored-run.ts';
import { isBatchDone } from '../../shared/batch-state.ts';
import { countRun, readAllShards, readPlannedRun } from '../../shared/planned-run.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { Counts } from '../../shared/rows.ts';
import { type GatedSite, startGatedSite } from '../support/gated-site.ts';
import { backendOf, contextOf } from '../support/target-backend.ts';
import { type StoredRow, TargetClient } from '../support/target-run.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

const TENANT = 'steered';
const WAIT = { timeout: 120_000, interval: 200 };

let target: Target;
let client: TargetClient;
let folder: string;
let site: GatedSite;

beforeAll(async () => {
  target = await startTarget();
  client = new TargetClient(target);
  folder = await mkdtemp(join(tmpdir(), 'spillway-control-'));
});
afterAll(async () => {
  await target?.stop();
  await rm(folder, { recursive: true });
});
afterEach(() => site?.close());

const pages = (count: number) => Array.from({ length: count }, (_, page) => site.url(page)).join('\n');
const start = (count: number, options: object = {}) =>
  client.upload(`${TENANT}/llms-txt/pages.txt`, pages(count), { 'spillway-options': JSON.stringify({ itemsPerBatch: 10, retries: 0, ...options }) });

async function countsOf(run: string): Promise<Counts> {
  const planned = await readPlannedRun(client.ledger, run);
  return countRun(planned, await readAllShards(client.ledger, planned));
}

/** Items with a verdict; 0 before there is a plan. */
const doneOf = (run: string) => countsOf(run).then(({ total, pending }) => total - pending, () => 0);

const sortedLines = (rows: readonly StoredRow[]) => rows.map(({ line }) => line).sort((a, b) => a - b);
const linesUpTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

async function expectWhole(record: RunRecord, items: number): Promise<Record<string, StoredRow[]>> {
  const rows = await client.readVerdicts(record);
  expect(sortedLines(rows)).toEqual(linesUpTo(items));
  expect((await verifyStoredRun(backendOf(client), record)).faults).toEqual([]);
  return Object.groupBy(rows, ({ verdict, reason }) => (reason === undefined ? verdict! : `${verdict}: ${reason}`)) as Record<string, StoredRow[]>;
}

/** Every page that is asked for hangs, from the 60th on. */
const GATED_FROM = 60;
const ITEMS = 300;
beforeEach(async () => {
  site = await startGatedSite(GATED_FROM);
});

const redrive = (run: string, options: Partial<RedriveOptions> = {}) => {
  const context = contextOf(client, TENANT);
  return redriveCommand(run, { error: [], host: [], option: [], out: folder, ...options }, context).then((code) => ({ code, text: [...context.terminal.noted, ...context.terminal.printed].join('\n') }));
};

const redriveOf = async (old: string): Promise<RunRecord> => (await client.ledger.listRuns(TENANT, 100)).find((run) => run.redriveOf === old)!;

describe('a run that is cancelled in the middle', () => {
  it('ends at once although pages hang: what is done stays, the rest is skipped; a redrive with --skipped does exactly the rest', async () => {
    const run = await start(ITEMS);
    await expect.poll(() => doneOf(run), WAIT).toBeGreaterThanOrEqual(40);
    const context = contextOf(client, TENANT);
    expect(await cancelCommand(run, context)).toBe(0);
    // No page that hangs has been answered yet.
    expect(site.waiting()).toBeGreaterThan(0);
    const record = (await client.ledger.readRun(run))!;
    expect(record).toMatchObject({ state: 'finished', stop: { reason: 'cancelled' } });
    const { succeeded = [], 'skipped: cancelled': skipped = [], ...others } = await expectWhole(record, ITEMS);
    expect(others).toEqual({});
    expect(succeeded.length).toBeGreaterThanOrEqual(40);
    expect(skipped.length).toBeGreaterThanOrEqual(ITEMS - GATED_FROM);
    expect(context.terminal.printed.join('\n')).toContain(`cancelled: ${succeeded.length} succeeded, 0 failed, ${skipped.length} skipped of ${ITEMS} items`);
    expect(await cancelCommand(run, contextOf(client, TENANT))).toBe(0);
    expect(await pauseCommand(run, contextOf(client, TENANT))).toBe(1);

    site.openGate();
    expect(await redrive(run, { skipped: true })).toMatchObject({ code: 0 });
    const again = await redriveOf(run);
    const rows = await client.readVerdicts(again);
    expect(sortedLines(rows)).toEqual(sortedLines(skipped));
    expect(rows.every(({ verdict, line, input }) => verdict === 'succeeded' && input['url'] === site.url(line - 1))).toBe(true);
    expect(await client.readManifest(again)).toMatchObject({ redriveOf: run });
  });

  it('also before anybody knows whether it is planned', async () => {
    const run = await start(ITEMS);
    await expect.poll(() => client.ledger.readRun(run), WAIT).toBeDefined();
    expect(await cancelCommand(run, contextOf(client, TENANT))).toBe(0);
    const { 'skipped: cancelled': skipped = [] } = await expectWhole((await client.ledger.readRun(run))!, ITEMS);
    expect(skipped.length).toBeGreaterThanOrEqual(ITEMS - GATED_FROM);
  });

  it('also while it is paused', async () => {
    const run = await start(ITEMS);
    await expect.poll(() => doneOf(run), WAIT).toBeGreaterThanOrEqual(40);
    expect(await pauseCommand(run, contextOf(client, TENANT))).toBe(0);
    expect(await cancelCommand(run, contextOf(client, TENANT))).toBe(0);
    const record = (await client.ledger.readRun(run))!;
    expect(Object.keys(await expectWhole(record, ITEMS)).sort()).toEqual(['skipped: cancelled', 'succeeded']);
  });
});

/** Another run goes the whole way, so the dispatcher has had rounds in between. */
const runAnother = async () => client.waitForEnd(await client.upload('other/noop/one.txt', 'one\n'));

async function waitUntilStill(run: string): Promise<Counts> {
  for (;;) {
    const before = await countsOf(run);
    await target.invoke('SweepRuns', {});
    await runAnother();
    const shards = await client.ledger.readShards(run, linesUpTo(10).map((n) => n - 1));
    const isInWork = shards.some(({ b }) => Object.values(b).some((batch) => !isBatchDone(batch) && batch.u > Date.now()));
    const after = await countsOf(run);
    if (!isInWork && after.pending === before.pending) return after;
  }
}

describe('a run that is paused', () => {
  it('begins nothing until it is resumed, then ends as if nothing had been', async () => {
    const run = await start(ITEMS);
    await expect.poll(() => site.waiting(), WAIT).toBeGreaterThan(0);
    expect(await pauseCommand(run, contextOf(client, TENANT))).toBe(0);
    // Its workers remember for two seconds that it was open.
    site.openGate();
    const still = await waitUntilStill(run);
    expect(still.pending).toBeGreaterThan(0);
    const asked = site.asked.length;
    await target.invoke('SweepRuns', {});
    await runAnother();
    expect([await countsOf(run), site.asked.length]).toEqual([still, asked]);

    expect(await resumeCommand(run, {}, contextOf(client, TENANT))).toBe(0);
    const record = await client.waitForEnd(run);
    expect(record).toMatchObject({ state: 'finished' });
    expect(record).not.toHaveProperty('stop');
    expect((await expectWhole(record, ITEMS))['succeeded']).toHaveLength(ITEMS);
    expect(site.asked.toSorted((a, b) => a - b)).toEqual(linesUpTo(ITEMS).map((line) => line - 1));
  });

  it('goes on in a new execution with --restart', async () => {
    const run = await start(ITEMS);
    await expect.poll(() => site.waiting(), WAIT).toBeGreaterThan(0);
    await pauseCommand(run, contextOf(client, TENANT));
    site.openGate();
    expect(await resumeCommand(run, { restart: true }, contextOf(client, TENANT))).toBe(0);
    const record = await client.waitForEnd(run);
    expect(record.execution).not.toBe(run);
    expect(record.started).toBe(record.execution);
    expect((await expectWhole(record, ITEMS))['succeeded']).toHaveLength(ITEMS);
  });
});

describe('a run that stops itself', () => {
  it('does so above its failure threshold', async () => {
    site.setStatus(() => 404);
    const run = await start(ITEMS, { maxFailures: 20 });
    const record = await client.waitForEnd(run, { timeoutMs: 200_000 });
    expect(record).toMatchObject({ state: 'finished', stop: { reason: 'failure threshold' } });
    const { failed = [], 'skipped: failure threshold': skipped = [] } = await expectWhole(record, ITEMS);
    expect(failed.length).toBeGreaterThan(20);
    expect(failed.length + skipped.length).toBe(ITEMS);
    expect(skipped.length).toBeGreaterThan(0);
  });

  it('does so at its time limit', async () => {
    const run = await start(ITEMS, { timeLimitSeconds: 1 });
    await expect.poll(() => doneOf(run), WAIT).toBeGreaterThan(0);
    await expect.poll(async () => {
      await target.invoke('SweepRuns', {});
      return (await client.ledger.readRun(run))!.state;
    }, WAIT).toBe('finished');
    const record = (await client.ledger.readRun(run))!;
    expect(record).toMatchObject({ stop: { reason: 'time limit' } });
    expect((await expectWhole(record, ITEMS))['skipped: time limit']!.length).toBeGreaterThanOrEqual(ITEMS - GATED_FROM);
  });
});

describe('a redrive', () => {
  it('does only the failed items that its filters choose, links to their run, and can be redriven itself', async () => {
    site.openGate();
    const status = (page: number) => (page % 10 === 3 ? 503 : page % 10 === 4 ? 404 : 200);
    site.setStatus(status);
    const record = await client.waitForEnd(await start(100));
    expect((await expectWhole(record, 100))['failed']).toHaveLength(20);
    const before = site.asked.length;
    const { code, text } = await redrive(record.run, { retryable: true });
    expect(code).toBe(1);
    expect(text).toContain('doing 10 items (10 HttpStatusError)');
    const failedPages = linesUpTo(100).map((line) => line - 1).filter((page) => status(page) === 503);
    expect(site.asked.slice(before).sort((a, b) => a - b)).toEqual(failedPages);

    site.setStatus(() => 200);
    const second = await redriveOf(record.run);
    expect(await redrive(second.run)).toMatchObject({ code: 0 });
    const third = await redriveOf(second.run);
    expect(sortedLines(await client.readVerdicts(third))).toEqual(failedPages.map((page) => page + 1));
    const { code: nothing, text: says } = await redrive(third.run);
    expect([nothing, says]).toEqual([0, `nothing to do again: no failed item of run ${third.run} matches`]);
  });

  it('is refused for a run of another tenant', async () => {
    const other = await runAnother();
    const run = await client.upload(`${TENANT}/noop/stolen.txt`, 'one\n', { 'spillway-redrive-of': other.run });
    expect(await client.waitForEnd(run)).toMatchObject({ state: 'failed', error: expect.stringMatching(/spillway-redrive-of to be the id of a run of tenant steered/) as string });
  });
});
