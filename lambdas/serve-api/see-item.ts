import { z } from 'zod';
import { batchOf } from '../../shared/batch-state.ts';
import type { BatchState, RunRecord } from '../../shared/records.ts';
import { explainItem } from './explain-item.ts';
import { findItem, type FoundItem } from './find-item.ts';
import { itemIdOf, type ItemName, parseItemId } from './item-id.ts';
import type { ApiPorts } from './ports.ts';
import { Problem } from './problem.ts';
import { itemId, resultRowSchema, runId } from './schemas.ts';
import { findRun } from './view-run.ts';

const ITEM_STATES = ['unplanned', 'queued', 'processing', 'done', 'invalid'] as const;

export const itemSchema = resultRowSchema.partial().extend({
  item: itemId,
  run: runId,
  line: z.int().positive(),
  state: z.enum(ITEM_STATES).meta({ description: '`unplanned`: its run is not planned yet; `invalid`: its row is no item' }),
  duplicateOf: z.int().positive().optional().meta({ description: 'The line that it equals' }),
});
const batchSchema = z.object({
  shard: z.int().nonnegative(),
  batch: z.int().nonnegative(),
  position: z.int().nonnegative().meta({ description: 'In its batch' }),
  limitKey: z.string().optional(),
  group: z.string().optional(),
  settlements: z.int().nonnegative(),
  deaths: z.int().nonnegative().meta({ description: 'Workers that took the batch since its last settlement and did not settle it' }),
  leasedUntil: z.iso.datetime().optional(),
  part: z.string().optional().meta({ description: 'The newest part of the batch' }),
});
export const explanationSchema = z.object({
  item: itemSchema,
  batch: batchSchema.optional(),
  waitsFor: z.array(z.object({ what: z.string(), until: z.iso.datetime() })),
  says: z.array(z.string()).meta({ description: 'Why it waits, or why it ended so, in sentences' }),
});

export interface Seen {
  readonly name: ItemName;
  readonly record: RunRecord;
  readonly found: FoundItem;
}

/** @throws Problem 404: another tenant's item and none at all are the same answer */
export async function seeItem(id: string, tenant: string, ports: Pick<ApiPorts, 'ledger' | 'results' | 'clock'>): Promise<Seen> {
  const name = parseItemId(id);
  const record = await findRun(name.run, tenant, ports);
  const found = await findItem(record, name, ports);
  if (!found) throw new Problem(404, `run ${name.run} has no line ${name.line}`);
  return { name, record, found };
}

export function viewItem({ name, found }: Seen): z.infer<typeof itemSchema> {
  const own = { item: itemIdOf(name), ...name };
  switch (found.kind) {
    case 'unplanned':
      return { ...own, state: 'unplanned' };
    case 'invalid':
      return { ...own, state: 'invalid', reason: found.row.reason };
    case 'open': {
      const { id, input, group } = found.place.item;
      return { ...own, state: found.isInWork ? 'processing' : 'queued', input, ...(id !== undefined && { id }), ...(group !== undefined && { group }) };
    }
    default:
      return { ...own, state: 'done', ...found.row };
  }
}

function viewBatch(found: FoundItem): z.infer<typeof batchSchema> | undefined {
  if (found.kind !== 'open' && found.kind !== 'done') return undefined;
  const { shard, batch, ordinal: position, item } = found.place;
  const { q: settlements, a: deaths, u, h }: BatchState = batchOf(shard, batch);
  return {
    shard: shard.shard,
    batch,
    position,
    ...(item.limitKey !== undefined && { limitKey: item.limitKey }),
    ...(item.group !== undefined && { group: item.group }),
    settlements,
    deaths,
    ...(u > 0 && { leasedUntil: new Date(u).toISOString() }),
    ...(h !== '-' && { part: h }),
  };
}

/** Why it waits, or why it ended so. */
export async function explainSeen(seen: Seen, { waitsOf, clock }: Pick<ApiPorts, 'waitsOf' | 'clock'>): Promise<z.infer<typeof explanationSchema>> {
  const { name, record, found } = seen;
  const waits = found.kind === 'open' || found.kind === 'unplanned' ? await waitsOf(name.run) : [];
  const batch = viewBatch(found);
  return {
    item: viewItem(seen),
    ...(batch && { batch }),
    waitsFor: waits.map(({ limit, until }) => ({ what: limit, until: new Date(until).toISOString() })),
    says: explainItem({ record, found, waits, now: clock() }),
  };
}
