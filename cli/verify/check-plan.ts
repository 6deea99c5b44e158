import { z } from 'zod';
import { planPrefix, runPrefix, SHARD_LIST_NAME, SHARD_PLANS_FILE_NAME, shardFileName } from '../../shared/names.ts';
import { checkShardRecord } from './check-ledger.ts';
import type { NamedPart, SettledRow } from './check-parts.ts';
import { checkPartsOfShard, listPartsByShard } from './check-parts.ts';
import { itemChecksum } from './fingerprint.ts';
import { LINE_IS } from './line-table.ts';
import { readFileLines } from './read-file.ts';
import type { ShardPlan } from './rows-schema.ts';
import { parseRow, plannedItemSchema, shardPlanSchema } from './rows-schema.ts';
import type { Verification } from './verification.ts';

const count = z.int().nonnegative();
const shardListSchema = z.array(z.strictObject({ v: z.literal(1), run: z.string(), shard: count }));

/** One planned item of a shard: where it stands and what it is. */
interface Planned {
  readonly item: number;
  readonly batch: number;
  /** Row of the shard file, from 1. */
  readonly at: number;
}

/** Path of a file of the run's plan below the run's prefix. */
export const planPath = ({ manifest }: Verification, name: string): string =>
  planPrefix(manifest.tenant, manifest.run, manifest.plan).slice(runPrefix(manifest.tenant, manifest.run).length) + name;

/** Holds every shard's items against its parts, one shard after the other: memory is that of one shard. */
export async function checkShards(check: Verification): Promise<void> {
  await checkShardList(check);
  const partsOf = listPartsByShard(check.listedPaths());
  for (const plan of await readShardPlans(check)) {
    await checkShard(check, plan, partsOf.get(plan.shard) ?? []);
    partsOf.delete(plan.shard);
  }
  for (const [shard, parts] of partsOf) {
    await checkPartsOfShard(check, parts, (row) => {
      check.faults.add('row-unplanned', row.path, `line ${row.line} has a result, but the plan has no shard ${shard}`, row.at);
    });
  }
}

async function readShardPlans(check: Verification): Promise<ShardPlan[]> {
  const path = planPath(check, SHARD_PLANS_FILE_NAME);
  const plans: ShardPlan[] = [];
  const reading = await readFileLines(check.input.results, check.prefix + path, (text, at) => {
    const parsed = parseRow(shardPlanSchema, text);
    if ('row' in parsed && parsed.row.shard === at - 1) plans.push(parsed.row);
    else check.faults.add('plan-malformed', path, `expected sizes and offsets of shard ${at - 1}, but ${'row' in parsed ? `it names shard ${parsed.row.shard}` : parsed.reason}`, at);
  });
  noteReading(check, path, reading);
  const { shards } = check.manifest.totals;
  if (plans.length !== shards) check.faults.add('totals-wrong', 'manifest.json', `totals.shards is ${shards}, the plan has ${plans.length}`);
  return plans;
}

async function checkShardList(check: Verification): Promise<void> {
  const path = planPath(check, SHARD_LIST_NAME);
  let text = '';
  const key = check.prefix + path;
  const object = await check.input.results.open(key);
  if (!object) return check.faults.add('plan-missing', path, 'the list that the Distributed Map read is not there');
  for await (const chunk of object.body) text += Buffer.from(chunk).toString();
  const parsed = parseRow(shardListSchema, text);
  if (!('row' in parsed)) return check.faults.add('shard-list-wrong', path, `expected the run's shards, but ${parsed.reason}`);
  const { run, totals } = check.manifest;
  const isWhole = parsed.row.length === totals.shards && parsed.row.every((entry, n) => entry.shard === n && entry.run === run);
  if (!isWhole) check.faults.add('shard-list-wrong', path, `expected shards 0 to ${totals.shards - 1} of this run, each once and in order; it has ${parsed.row.length} entries`);
}

async function checkShard(check: Verification, plan: ShardPlan, parts: readonly NamedPart[]): Promise<void> {
  const path = planPath(check, shardFileName(plan.shard));
  const planned = await readShardFile(check, plan, path);
  const settled = await checkPartsOfShard(check, parts, (row) => compareRow(check, planned, row));
  await checkShardRecord(check, plan, settled);
  for (const [line, { at }] of planned) {
    if (!check.marks.has(line, LINE_IS.settled)) check.faults.add('row-missing', path, `line ${line} is planned, but no part has a result of it`, at);
  }
}

async function readShardFile(check: Verification, plan: ShardPlan, path: string): Promise<Map<number, Planned>> {
  const planned = new Map<number, Planned>();
  const batchOf = plan.sizes.flatMap((size, batch) => Array.from({ length: size }, () => batch));
  const offsets = [0];
  const reading = await readFileLines(check.input.results, check.prefix + path, (text, at) => {
    offsets.push(offsets.at(-1)! + Buffer.byteLength(text) + 1);
    const parsed = parseRow(plannedItemSchema, text);
    if (!('row' in parsed)) return check.faults.add('plan-malformed', path, `expected an item, but ${parsed.reason}`, at);
    const { row } = parsed;
    if (!check.marks.add(row.line, LINE_IS.planned)) check.faults.add('row-doubled', path, `line ${row.line} is planned already`, at);
    const item = itemChecksum(row);
    check.items.set(row.line, item);
    check.recount.planned++;
    planned.set(row.line, { item, batch: batchOf[at - 1] ?? -1, at });
  });
  noteReading(check, path, reading);
  if (reading.kind === 'read') compareOffsets(check, plan, path, offsets);
  compareLines(check, plan, path, planned);
  return planned;
}

/** `offsets` of every row, the end last; the plan has those of its batches. */
function compareOffsets(check: Verification, plan: ShardPlan, path: string, offsets: readonly number[]): void {
  let row = 0;
  const expected = [0, ...plan.sizes.map((size) => offsets[(row += size)] ?? -1)];
  const isSame = row === offsets.length - 1 && expected.length === plan.offsets.length && expected.every((offset, i) => offset === plan.offsets[i]);
  if (!isSame) {
    check.faults.add('plan-malformed', path, `its ${offsets.length - 1} rows do not lie where the sizes and offsets of shard ${plan.shard} say`);
  }
}

/** What an item is found by. */
function compareLines(check: Verification, { shard, lines }: ShardPlan, path: string, planned: ReadonlyMap<number, unknown>): void {
  if (!lines || planned.size === 0) return;
  let [least, greatest] = [Infinity, -Infinity];
  for (const line of planned.keys()) [least, greatest] = [Math.min(least, line), Math.max(greatest, line)];
  if (lines[0] !== least || lines[1] !== greatest) check.faults.add('plan-malformed', path, `its lines are ${least} to ${greatest}, the plan says ${lines[0]} to ${lines[1]} of shard ${shard}`);
}

function compareRow(check: Verification, planned: ReadonlyMap<number, Planned>, row: SettledRow): void {
  const { faults } = check;
  const item = planned.get(row.line);
  if (!item) faults.add('row-unplanned', row.path, `line ${row.line} is not among the items of its shard`, row.at);
  else if (item.item !== row.item) faults.add('row-changed', row.path, `line ${row.line} has another id or input than the plan`, row.at);
  else if (item.batch !== row.batch) faults.add('row-misplaced', row.path, `line ${row.line} belongs to batch ${item.batch}, this is batch ${row.batch}`, row.at);
}

function noteReading(check: Verification, path: string, reading: Awaited<ReturnType<typeof readFileLines>>): void {
  if (reading.kind === 'missing') check.faults.add('plan-missing', path, 'this file of the plan is not there');
  if (reading.kind === 'broken') check.faults.add('plan-malformed', path, `it can't be read to its end: ${reading.reason}`);
}
