import { isLeased } from '../../shared/batch-state.ts';
import { countOrdinals } from '../../shared/ordinals.ts';
import { countRun, isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { RunRecord, ShardRecord } from '../../shared/records.ts';
import type { Counts } from '../../shared/rows.ts';
import type { OperationAnswer } from './operation.ts';
import type { ApiPorts } from './ports.ts';
import { Problem } from './problem.ts';
import type { RUN_STATES, RunView } from './schemas.ts';

/** Another tenant's run, a deleted one and none at all are the same answer. @throws Problem 404 */
export async function findRun(run: string, tenant: string, { ledger }: Pick<ApiPorts, 'ledger'>): Promise<RunRecord> {
  const record = await ledger.readRun(run);
  if (!record || record.tenant !== tenant || record.deletedAt !== undefined) throw new Problem(404, `there is no run ${run}`);
  return record;
}

export async function viewRun(record: RunRecord, { ledger, waitsOf, clock }: Pick<ApiPorts, 'ledger' | 'waitsOf' | 'clock'>): Promise<RunView> {
  const isOver = record.state === 'finished' || record.state === 'failed';
  const shards = isPlanned(record) ? await readAllShards(ledger, record) : [];
  const waits = isOver ? [] : await waitsOf(record.run);
  return describeRun(record, { shards, waits, now: clock() });
}

/** A run that was made, or had been: the answer to what asked for it. */
export const answerRun = async (status: 200 | 201, run: string, tenant: string, ports: Pick<ApiPorts, 'ledger' | 'waitsOf' | 'clock'>): Promise<OperationAnswer> => ({
  status,
  body: await viewRun(await findRun(run, tenant, ports), ports),
  headers: { location: `/v1/runs/${run}` },
});

/** Without its counts, which cost a read a shard. */
export const listedRun = (record: RunRecord) => ({ run: record.run, processor: record.processor, state: stateOf(record), createdAt: record.createdAt, ...(record.finishedAt !== undefined && { finishedAt: record.finishedAt }), ...(record.totals && { total: record.totals.items }) });

const NOTHING: Counts = { succeeded: 0, failed: 0, skipped: 0, pending: 0, total: 0 };

interface Seen {
  readonly shards: readonly ShardRecord[];
  readonly waits: readonly { readonly limit: string; readonly until: number }[];
  readonly now: number;
}

function describeRun(record: RunRecord, { shards, waits, now }: Seen): RunView {
  const { finishedAt, error, stop, redriveOf, totals } = record;
  const counts = isPlanned(record) ? countRun(record, shards) : NOTHING;
  const { succeeded, failed, skipped, pending, total } = counts;
  const completed = succeeded + failed + skipped;
  const processing = Math.min(pending, shards.reduce((sum, shard) => sum + itemsInWork(shard, now), 0));
  return {
    run: record.run,
    processor: record.processor,
    state: stateOf(record),
    createdAt: record.createdAt,
    ...(finishedAt !== undefined && { finishedAt }),
    ...(totals && { total, invalid: totals.invalid }),
    completed,
    processing,
    queued: pending - processing,
    succeeded,
    failed,
    skipped,
    percent: percentOf(record, completed, total),
    ...paceOf(record, counts, now),
    waitsFor: [...queuedWait(record), ...waits.map(({ limit, until }) => ({ what: limit, until: new Date(until).toISOString() }))],
    ...(error !== undefined && { error }),
    ...(stop && { stop }),
    ...(redriveOf !== undefined && { redriveOf }),
  };
}

/** Below 100 until the run has finished. */
function percentOf({ state }: RunRecord, completed: number, total: number): number {
  if (state === 'finished') return 100;
  return total === 0 ? 0 : Math.min(99.9, Math.floor((1000 * completed) / total) / 10);
}

/** Verdicts of workers a second since the run was made, and how long the rest takes at that. */
function paceOf({ state, createdAt, finishedAt, totals }: RunRecord, { succeeded, failed, skipped, pending }: Counts, now: number): { ratePerSecond?: number; etaSeconds?: number } {
  const endsAt = finishedAt === undefined ? now : Date.parse(finishedAt);
  const rate = (succeeded + failed + skipped - (totals?.duplicates ?? 0)) / Math.max(1, (endsAt - Date.parse(createdAt)) / 1000);
  if (rate <= 0) return {};
  const isOpen = state === 'open' || state === 'stopping';
  return { ratePerSecond: Math.round(100 * rate) / 100, ...(isOpen && pending > 0 && { etaSeconds: Math.ceil(pending / rate) }) };
}

function stateOf({ state, paused, queued, totals, started }: RunRecord): (typeof RUN_STATES)[number] {
  if (state !== 'open') return state;
  if (paused) return 'paused';
  if (queued) return 'queued';
  if (!totals) return started === undefined ? 'accepted' : 'planning';
  return 'running';
}

function queuedWait({ queued }: RunRecord): { what: string }[] {
  if (!queued) return [];
  return [{ what: queued.reason === 'credits' ? `credits: needs ${queued.needs}, has ${queued.has}` : `places: ${queued.ahead} items come before it${queued.waitSeconds === undefined ? '' : `, about ${queued.waitSeconds} s`}` }];
}

const itemsInWork = ({ b }: ShardRecord, now: number): number => Object.values(b).reduce((sum, batch) => sum + (isLeased(batch, now) ? countOrdinals(batch.l) : 0), 0);
