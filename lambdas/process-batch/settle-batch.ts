import { batchOf } from '../../shared/batch-state.ts';
import { type BackOff, fullJitterMs } from '../../shared/back-off.ts';
import { formatOrdinals } from '../../shared/ordinals.ts';
import { writePart } from '../../shared/parts.ts';
import type { ShardRecord } from '../../shared/records.ts';
import type { ResultRow } from '../../shared/rows.ts';
import type { Claimed, ProcessPorts } from './delivery.ts';

/** The SDK has tried each call some times already. */
const SETTLE_BACK_OFF: BackOff = { baseMs: 200, capMs: 2_000 };
/** Less than this before the worker's end nothing is begun again. */
const LAST_TRY_MS = 1_000;

export interface Settlement {
  readonly rows: readonly ResultRow[];
  /** Ordinals that have no verdict yet, ascending. */
  readonly left: readonly number[];
  /** To go on with what is left. */
  readonly keepsLease?: boolean;
}

/**
 * Part first, then SETTLE. Verdicts in hand are worth more than a quick end: what fails is tried again as long as the worker lives,
 * because whoever does these items again causes their effects again.
 * @returns the shard afterwards, or undefined if another settlement was first
 */
export async function settleBatch(claimed: Claimed, settlement: Settlement, ports: ProcessPorts): Promise<ShardRecord | undefined> {
  const { delivery } = claimed;
  for (let tries = 1; ; tries++) {
    try {
      return await trySettle(claimed, settlement, ports);
    } catch (error) {
      const waitMs = fullJitterMs(tries, SETTLE_BACK_OFF, ports.random());
      if (ports.clock() + waitMs > delivery.deadline - LAST_TRY_MS) throw error;
      ports.onError('settling failed, trying again', error);
      await ports.sleep(waitMs);
    }
  }
}

async function trySettle({ message, delivery, shard }: Claimed, { rows, left, keepsLease = false }: Settlement, ports: ProcessPorts): Promise<ShardRecord | undefined> {
  const { owner, messageId } = delivery;
  const { q, u } = batchOf(shard, message.batch);
  const part = await writePart(ports.results, shard, { batch: message.batch, owner }, rows);
  const answer = await ports.ledger.settle({
    run: message.run,
    shard: message.shard,
    batch: message.batch,
    q,
    owner,
    ...(keepsLease && { lease: { owner, until: u } }),
    left: formatOrdinals(left),
    part,
    message: messageId,
    counts: countVerdicts(rows),
  });
  return answer.kind === 'settled' ? answer.shard : undefined;
}

function countVerdicts(rows: readonly ResultRow[]): { ok: number; ko: number; sk: number } {
  const counts = { ok: 0, ko: 0, sk: 0 };
  const names = { succeeded: 'ok', failed: 'ko', skipped: 'sk' } as const;
  for (const row of rows) counts[names[row.verdict]]++;
  return counts;
}
