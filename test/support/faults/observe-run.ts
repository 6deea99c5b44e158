import { type VerifyReport, verifyRun } from '../../../cli/verify/verify-run.ts';
import { findProcessor } from '../../../processors/registry.ts';
import { createObjectStore } from '../../../shared/aws/object-store.ts';
import { isPlanned, readAllShards } from '../../../shared/planned-run.ts';
import type { RunRecord } from '../../../shared/records.ts';
import type { Counts } from '../../../shared/rows.ts';
import type { StoredRow, TargetClient } from '../target-run.ts';
import { type PageServer, startPageServer } from './page-server.ts';

/** What a run under faults showed, to be judged. */
export interface RunEvidence {
  readonly record: RunRecord;
  /** Every read of the ledger while it ran. */
  readonly counts: readonly Counts[];
  readonly rows: readonly StoredRow[];
  readonly report: VerifyReport;
  readonly isListedOpen: boolean;
  readonly pages: PageServer;
  readonly itemsPerBatch: number;
  /** Invocations of `process-batch` that did not end of themselves. */
  readonly deaths: number;
  readonly ms: number;
}

export interface ObservedRun {
  readonly items: number;
  readonly itemsPerBatch: number;
  readonly timeoutMs: number;
  /** Deaths of workers since the stack began. */
  readonly countDeaths: () => number;
}

/** Often enough to see counts that are wrong for a moment, and a small part of the work that a run is. */
const POLL_MS = 300;

/** Makes a run over tiny pages and watches it from outside. @throws Error if it does not end in time */
export async function observeRun(client: TargetClient, { items, itemsPerBatch, timeoutMs, countDeaths }: ObservedRun): Promise<RunEvidence> {
  const pages = await startPageServer(items);
  const [startedAt, deathsBefore] = [Date.now(), countDeaths()];
  const counts: Counts[] = [];
  try {
    const run = await client.upload('acme/llms-txt/faults.txt', pages.urls.join('\n'), { 'spillway-options': JSON.stringify({ itemsPerBatch, twins: false }) });
    const record = await client.waitForEnd(run, { timeoutMs, pollMs: POLL_MS, onCounts: (read) => counts.push(read) }).catch(async (error: unknown) => {
      throw new Error(await describeOpenRun(client, run), { cause: error });
    });
    const isListedOpen = await staysOpen(client, run, timeoutMs);
    const [rows, report] = [await client.readVerdicts(record), await verify(client, record)];
    return { record, counts, rows, report, isListedOpen, pages, itemsPerBatch, deaths: countDeaths() - deathsBefore, ms: Date.now() - startedAt };
  } finally {
    await pages.stop();
  }
}

/** Off the list of open runs comes last, after the state; a crash between the two is healed. */
async function staysOpen({ ledger }: TargetClient, run: string, timeoutMs: number): Promise<boolean> {
  const giveUpAt = Date.now() + timeoutMs;
  while ((await ledger.listOpen()).some((open) => open.run === run)) {
    if (Date.now() > giveUpAt) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}

/** What the ledger knows of a run that does not end. */
async function describeOpenRun({ ledger }: TargetClient, run: string): Promise<string> {
  const record = await ledger.readRun(run);
  const shards = record && isPlanned(record) ? await readAllShards(ledger, record) : [];
  const batches = shards.flatMap(({ shard, b }) => Object.entries(b).flatMap(([k, batch]) => (batch.l === '' ? [] : [`${shard}/${k} ${JSON.stringify(batch)}`])));
  const done = [...(await ledger.readDone(run))];
  return `the run does not end: ${JSON.stringify(record)}, done ${JSON.stringify(done)}, now ${Date.now()}, open batches: ${batches.join(', ') || 'none'}`;
}

function verify(client: TargetClient, { tenant, run }: RunRecord): Promise<VerifyReport> {
  const [results, manifests] = [createObjectStore(client.s3, client.output('ResultsBucket')), createObjectStore(client.s3, client.output('ManifestsBucket'))];
  return verifyRun({ results, manifestStoreOf: () => manifests, tenant, run, processorOf: findProcessor });
}
