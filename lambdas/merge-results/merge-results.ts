import type { Processor } from '../../processors/processor.ts';
import type { RunInput } from '../../shared/messages.ts';
import { DUPLICATES_FILE_NAME, ERRORS_FILE_NAME, INVALID_FILE_NAME, mergedKey, planPrefix, runPrefix } from '../../shared/names.ts';
import { readPart } from '../../shared/parts.ts';
import { readAllShards, readPlannedRun, walkAllChains } from '../../shared/planned-run.ts';
import type { ObjectStore, RunLedger } from '../../shared/ports.ts';
import type { PlannedRun, ShardRecord } from '../../shared/records.ts';
import type { FileEntry, ResultRow } from '../../shared/rows.ts';
import type { Chain } from '../../shared/parts.ts';
import { createHashingOutput, type HashingOutput } from './hashing-output.ts';
import { gzipRows } from './gzip-rows.ts';

export interface MergePorts {
  readonly ledger: RunLedger;
  readonly results: ObjectStore;
  readonly processorOf: (name: string) => Processor;
}

/**
 * Joins the settled parts: the errors, the plan's invalid rows and duplicates, and the processor's own files.
 * Leaves their list in the plan's folder for finish-run. Running it again writes the same files again.
 */
export async function mergeResults({ run: runId }: RunInput, ports: MergePorts): Promise<{ v: 1; run: string }> {
  const { ledger, results } = ports;
  const run = await readPlannedRun(ledger, runId);
  const shards = await readAllShards(ledger, run);
  const chains = await walkAllChains(results, run, shards);
  const output = createHashingOutput(results, runPrefix(run.tenant, runId));
  await writeErrors(run, { shards, chains }, output, results);
  await copyPlanFiles(run, output, results);
  await ports.processorOf(run.processor).merge?.({
    run: runId,
    options: run.options,
    totals: run.totals,
    rows: () => readRows(results, run, chains),
    output,
  });
  await results.write(mergedKey(run), JSON.stringify(output.files() satisfies readonly FileEntry[]), 'application/json');
  return { v: 1, run: runId };
}

/** Only shards with failures are read. */
async function writeErrors(
  run: PlannedRun,
  { shards, chains }: { shards: readonly ShardRecord[]; chains: readonly Chain[] },
  output: HashingOutput,
  results: ObjectStore,
): Promise<void> {
  const withErrors = new Set(shards.filter(({ ko }) => ko > 0).map(({ shard }) => shard));
  if (withErrors.size === 0) return;
  const rows = readRows(results, run, chains.filter(({ shard }) => withErrors.has(shard)));
  await output.writeStream(ERRORS_FILE_NAME, gzipRows(onlyFailed(rows)), 'application/gzip');
}

async function* onlyFailed(rows: AsyncIterable<ResultRow>): AsyncGenerator<ResultRow> {
  for await (const row of rows) if (row.verdict === 'failed') yield row;
}

async function* readRows(results: ObjectStore, run: PlannedRun, chains: readonly Chain[]): AsyncGenerator<ResultRow> {
  for (const { shard, batch, parts } of chains) for (const part of parts) yield* await readPart(results, run, { shard, batch, part });
}

/** From the folder of the plan that won to where people look for them. */
async function copyPlanFiles(run: PlannedRun, output: HashingOutput, results: ObjectStore): Promise<void> {
  const { totals, tenant, plan } = run;
  const copies = [
    { count: totals.invalid, name: INVALID_FILE_NAME, path: INVALID_FILE_NAME },
    { count: totals.duplicates, name: DUPLICATES_FILE_NAME, path: `results/${DUPLICATES_FILE_NAME}` },
  ];
  for (const { count, name, path } of copies) {
    if (count === 0) continue;
    const source = await results.open(`${planPrefix(tenant, run.run, plan)}${name}`);
    if (!source) throw new Error(`expected ${name} in plan ${plan} of run ${run.run}, found none`);
    await output.writeStream(path, source.body, source.contentType);
  }
}
