import type { Processor } from '../../processors/processor.ts';
import { chooseBatchSize } from '../../shared/batch-size.ts';
import { freshBatch } from '../../shared/batch-state.ts';
import { BoundedTasks } from '../../shared/bounded-tasks.ts';
import { BrokenObjectError, ManifestRefusedError, StaleStateError } from '../../shared/errors.ts';
import type { PageFetcher } from '../../shared/http/page-fetcher.ts';
import { describeOptionFaults, splitOptions } from '../../shared/manifest/common-options.ts';
import { splitLines } from '../../shared/manifest/lines.ts';
import { fieldNamingOf } from '../../shared/manifest/manifest-row.ts';
import { readManifest } from '../../shared/manifest/read-manifest.ts';
import type { ShardPlan } from '../../shared/manifest/shard-cutter.ts';
import type { PlanAnswer, RunInput } from '../../shared/messages.ts';
import { SHARD_LIST_NAME, SHARD_PLANS_FILE_NAME, planPrefix } from '../../shared/names.ts';
import { isPlanned } from '../../shared/planned-run.ts';
import type { Clock, ObjectStore, PaceStore, RunLedger, TenantStore } from '../../shared/ports.ts';
import type { PlannedRun, RunRecord, ShardRecord } from '../../shared/records.ts';
import type { JsonObject, Totals } from '../../shared/rows.ts';
import { expandRows } from './expand-rows.ts';
import { PlanFiles } from './plan-files.ts';
import { RowPlanner } from './row-planner.ts';

export interface PlanPorts {
  readonly ledger: Pick<RunLedger, 'readRun' | 'freezePlan' | 'putShard'>;
  readonly manifests: ObjectStore;
  readonly tenants: Pick<TenantStore, 'readSettings'>;
  readonly paces: Pick<PaceStore, 'readPace'>;
  readonly results: ObjectStore;
  /** Reserves what the run needs, or makes it wait. @throws ManifestRefusedError if its tenant wants no waiting */
  readonly letIn: (run: PlannedRun) => Promise<unknown>;
  /** Settles what a stopped run has open. */
  readonly finishStop: (run: RunRecord) => Promise<void>;
  /** Safe in an object's key; never the same twice. */
  readonly newNonce: () => string;
  /** For expansions. */
  readonly fetchPage: PageFetcher;
  readonly clock: Clock;
  /** Aborts expansions, when the function runs out of time. */
  readonly signal: AbortSignal;
  readonly processorOf: (name: string) => Processor | undefined;
}

const SHARD_PUTS_AT_ONCE = 16;

/**
 * Plans a run once: streams the manifest into shard files, freezes the plan, puts the shard records. May run again at any point: a frozen plan is
 * the plan, and only what it lacks is made up for. Planning the same bytes gives the same files; it never writes the run's state.
 * @throws ManifestRefusedError if the manifest can't become a run
 */
export async function planRun({ run: id }: RunInput, ports: PlanPorts): Promise<PlanAnswer> {
  const run = await ports.ledger.readRun(id);
  if (run === undefined) throw new StaleStateError(`expected a record of run ${id}, got none`);
  const planned = isPlanned(run) ? run : await planManifest(run, ports);
  // Before there is a batch that could be sent.
  await ports.letIn(planned);
  await putShards(planned, ports);
  await finishEarlyStop(id, ports);
  return { v: 1, run: id, bucket: ports.results.bucket, shardsKey: planPrefix(planned.tenant, id, planned.plan) + SHARD_LIST_NAME };
}

async function planManifest(run: RunRecord, ports: PlanPorts): Promise<PlannedRun> {
  const nonce = ports.newNonce();
  try {
    const totals = await writePlan(run, ports, nonce);
    return await ports.ledger.freezePlan(run.run, { nonce, totals });
  } catch (error) {
    if (!(error instanceof ManifestRefusedError)) throw error;
    throw new ManifestRefusedError(`${run.source.key}: ${error.message}`, { cause: error });
  }
}

async function writePlan(run: RunRecord, ports: PlanPorts, nonce: string): Promise<Totals> {
  const processor = ports.processorOf(run.processor);
  if (processor === undefined) throw new ManifestRefusedError(`expected a known processor, got \`${run.processor}\``);
  const { common, own } = splitOptions(run.options);
  const options = parseOwnOptions(processor, own);
  const manifest = await ports.manifests.open(run.source.key, run.source.version);
  if (manifest === undefined) throw new ManifestRefusedError(`expected version ${run.source.version} of the manifest, got none: it was deleted`);

  const files = new PlanFiles(ports.results, planPrefix(run.tenant, run.run, nonce), run.run, await sizeBatches(run, { processor, asked: common.itemsPerBatch }, ports));
  try {
    const planner = new RowPlanner({ processor, options, groupBy: common.groupBy, sink: files });
    for await (const rows of readManifest({ body: manifest.body, name: run.source.key, ...fieldNamingOf(processor), options: common })) {
      for (const row of rows) planner.add(row);
      await files.drain();
    }
    const context = { options, signal: ports.signal, now: ports.clock, fetchPage: ports.fetchPage };
    await expandRows({ planner, processor, context, record: (row) => files.expanded(row), drain: () => files.drain() });
    const totals = planner.totals(files.cutLast());
    await files.end();
    return totals;
  } catch (error) {
    await files.discard();
    throw error;
  }
}

async function sizeBatches({ tenant }: RunRecord, { processor, asked }: { processor: Processor; asked: number | undefined }, { tenants, paces }: PlanPorts): Promise<number> {
  const { maxPerGroupRound } = await tenants.readSettings(tenant);
  const msPerItem = await paces.readPace(tenant, processor.name);
  return chooseBatchSize({ asked, usual: processor.itemsPerBatch, msPerItem, maxPerGroupRound });
}

function parseOwnOptions(processor: Processor, own: JsonObject): JsonObject {
  const parsed = processor.optionsSchema.safeParse(own);
  if (!parsed.success) throw new ManifestRefusedError(describeOptionFaults(parsed.error));
  return parsed.data;
}

/** A run that was stopped before it had batches: they are settled as soon as there are some. */
async function finishEarlyStop(id: string, ports: PlanPorts): Promise<void> {
  const run = await ports.ledger.readRun(id);
  if (run?.state === 'stopping') await ports.finishStop(run);
}

/** Always from the stored files of the plan that won, whoever planned it. */
async function putShards(run: PlannedRun, ports: PlanPorts): Promise<void> {
  const key = planPrefix(run.tenant, run.run, run.plan) + SHARD_PLANS_FILE_NAME;
  const stored = await ports.results.open(key);
  if (stored === undefined) throw new BrokenObjectError(`expected ${key} of the frozen plan, got none`);
  const puts = new BoundedTasks(SHARD_PUTS_AT_ONCE);
  for await (const { lines } of splitLines(stored.body)) {
    for (const line of lines) await puts.start(() => ports.ledger.putShard(shardRecord(run, JSON.parse(line) as ShardPlan)));
  }
  await puts.end();
}

function shardRecord({ run, tenant, plan }: PlannedRun, { shard, sizes, offsets, lines, keys, groups }: ShardPlan): ShardRecord {
  const b = Object.fromEntries(sizes.map((size, batch) => [String(batch), freshBatch(size)]));
  return { v: 1, run, tenant, shard, plan, n: sizes.length, nd: 0, ok: 0, ko: 0, sk: 0, sizes, offsets, b, ...(lines && { lines }), ...(keys && { keys }), ...(groups && { groups }) };
}
