import { batchOf, isCareful, isLeased } from '../../shared/batch-state.ts';
import type { RunWait } from '../../shared/describe-queue.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { ResultRow } from '../../shared/rows.ts';
import type { FoundItem, ItemPlace } from './find-item.ts';

export interface Explained {
  readonly record: RunRecord;
  readonly found: FoundItem;
  readonly waits: readonly RunWait[];
  readonly now: number;
}

/** Why an item waits, or why it ended as it did. */
export function explainItem({ record, found, waits, now }: Explained): string[] {
  switch (found.kind) {
    case 'unplanned':
      return [record.error === undefined ? 'Its run is being planned.' : `Its run failed before it was planned: ${record.error}`];
    case 'invalid':
      return [`Its row is no item: ${found.row.reason}.`];
    case 'duplicate':
      return [`It equals line ${found.row.duplicateOf}, which is done in its stead.`];
    case 'open':
      return [...explainRun(record), ...explainBatch(found.place, now), ...waits.map(({ limit, until }) => `The run waits for ${limit} until ${new Date(until).toISOString()}.`)];
    case 'done':
      return [explainEnd(found.row), ...explainTries(found.row)];
  }
}

function explainRun({ state, paused, pausedFor, queued, stop }: RunRecord): string[] {
  if (stop) return [`Its run was stopped (${stop.reason}): what is open is being skipped.`];
  if (state === 'failed') return ['Its run failed.'];
  if (paused) return [pausedFor === 'budget' ? 'Its run has spent its budget and is paused.' : 'Its run is paused.'];
  if (queued?.reason === 'credits') return [`Its run waits for credits: it needs ${queued.needs}, its tenant has ${queued.has}.`];
  if (queued) return [`Its run waits to be let in: ${queued.ahead} items come before it.`];
  return [];
}

function explainBatch({ shard, batch }: ItemPlace, now: number): string[] {
  const state = batchOf(shard, batch);
  const held = isLeased(state, now) ? [`A worker has its batch until ${new Date(state.u).toISOString()} at the latest.`] : ['Its batch waits for a worker.'];
  const died = state.a > (isLeased(state, now) ? 1 : 0) ? [`Workers took the batch ${state.a} times since its last settlement.`] : [];
  return [...held, ...died, ...(isCareful(state) ? ['Workers died at the batch: its items are done one at a time.'] : [])];
}

function explainEnd(row: ResultRow): string {
  if (row.verdict === 'succeeded') return 'It succeeded.';
  if (row.verdict === 'skipped') return `It was skipped: ${row.reason}.`;
  return `It failed with ${row.error.name}: ${row.error.message} ${row.error.retryable ? 'A redrive may succeed.' : 'The same again would fail again.'}`;
}

const explainTries = ({ attempts, startedAt, durationMs }: ResultRow): string[] => (attempts > 0 ? [`${attempts} ${attempts === 1 ? 'try' : 'tries'}; the last began ${startedAt} and took ${durationMs} ms.`] : []);
