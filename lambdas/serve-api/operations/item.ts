import { z } from 'zod';
import { batchOf } from '../../../shared/batch-state.ts';
import type { BatchState, RunRecord } from '../../../shared/records.ts';
import { explainItem } from '../explain-item.ts';
import { findItem, type FoundItem } from '../find-item.ts';
import { itemIdOf, parseItemId, type ItemName } from '../item-id.ts';
import { operation } from '../operation.ts';
import type { ApiPorts } from '../ports.ts';
import { Problem } from '../problem.ts';
import { itemId, resultRowSchema, runId } from '../schemas.ts';
import { findRun } from '../view-run.ts';

const ITEM_STATES = ['unplanned', 'queued', 'processing', 'done', 'invalid'] as const;

export const itemSchema = resultRowSchema.partial().extend({
  item: itemId,
  run: runId,
  line: z.int().positive(),
  state: z.enum(ITEM_STATES).meta({ description: '`unplanned`: its run is not planned yet; `invalid`: its row is no item' }),
  duplicateOf: z.int().positive().optional().meta({ description: 'The line that it equals' }),
});
const itemParams = z.object({ item: itemId });

interface Seen {
  readonly name: ItemName;
  readonly record: RunRecord;
  readonly found: FoundItem;
}

/** @throws Problem 404: another tenant's item and none at all are the same answer */
async function see(id: string, tenant: string, ports: ApiPorts): Promise<Seen> {
  const name = parseItemId(id);
  const record = await findRun(name.run, tenant, ports);
  const found = await findItem(record, name, ports);
  if (!found) throw new Problem(404, `run ${name.run} has no line ${name.line}`);
  return { name, record, found };
}

function viewItem({ name, found }: Seen): z.infer<typeof itemSchema> {
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

export const showItem = operation({
  id: 'showItem',
  method: 'GET',
  path: '/v1/items/{item}',
  summary: 'One item: whether it waits, is in work or is done, and how it ended.',
  scope: 'read',
  params: itemParams,
  answers: { 200: { says: 'The item', schema: itemSchema } },
  leadsTo: { explainItem: { item: 'item' } },
  problems: [404],
  handle: async ({ params, caller }, ports) => ({ status: 200, body: viewItem(await see(params.item, caller.tenant, ports)) }),
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

export const explain = operation({
  id: 'explainItem',
  method: 'GET',
  path: '/v1/items/{item}/explain',
  summary: 'Why an item waits, or why it ended as it did: its place in the plan, its batch, workers that died at it, limits that hold it.',
  scope: 'read',
  params: itemParams,
  answers: { 200: { says: 'What is known of it', schema: explanationSchema } },
  problems: [404],
  async handle({ params, caller }, ports) {
    const seen = await see(params.item, caller.tenant, ports);
    const isOpen = seen.found.kind === 'open' || seen.found.kind === 'unplanned';
    const waits = isOpen ? await ports.waitsOf(seen.name.run) : [];
    const waitsFor = waits.map(({ limit, until }) => ({ what: limit, until: new Date(until).toISOString() }));
    const batch = viewBatch(seen.found);
    return { status: 200, body: { item: viewItem(seen), ...(batch && { batch }), waitsFor, says: explainItem({ record: seen.record, found: seen.found, waits, now: ports.clock() }) } };
  },
});
