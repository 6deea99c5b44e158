import { RecountError } from '../../shared/errors.ts';
import type { RunInput } from '../../shared/messages.ts';
import { MANIFEST_FILE_NAME, mergedKey, partPath, runPrefix } from '../../shared/names.ts';
import { settleCredits } from '../../shared/settle-credits.ts';
import type { Chain } from '../../shared/parts.ts';
import { countRun, readAllShards, readPlannedRun, walkAllChains } from '../../shared/planned-run.ts';
import type { Clock, Credits, ObjectStore, RunLedger } from '../../shared/ports.ts';
import type { PlannedRun, RunRecord } from '../../shared/records.ts';
import type { Counts, FileEntry, RunManifest } from '../../shared/rows.ts';

export interface FinishPorts {
  readonly ledger: RunLedger;
  readonly results: ObjectStore;
  readonly credits: Credits;
  /** Gives the run's places back, and lets in who waited for them. */
  readonly leaveRoom: (run: RunRecord) => Promise<void>;
  readonly clock: Clock;
}

/**
 * Recounts the run, writes its manifest.json, settles its credits, ends its record, and takes it off OPEN last. A repeat goes through all of it.
 * @throws RecountError if anything is missing: nothing is called done that is not done
 */
export async function finishRun({ run: runId }: RunInput, ports: FinishPorts): Promise<{ v: 1; run: string; counts: Counts }> {
  const { ledger, results, clock } = ports;
  const run = await readPlannedRun(ledger, runId);
  const shards = await readAllShards(ledger, run);
  const counts = countRun(run, shards);
  if (counts.pending !== 0) throw new RecountError(`expected a verdict for each of ${counts.total} items of run ${runId}, ${counts.pending} have none`);
  const chains = await walkAllChains(results, run, shards);
  const finishedAt = run.finishedAt ?? new Date(clock()).toISOString();
  const manifest = describeRun(run, counts, finishedAt, await listFiles(run, chains, results));
  await results.write(`${runPrefix(run.tenant, runId)}${MANIFEST_FILE_NAME}`, JSON.stringify(manifest, null, 1), 'application/json');
  await settleCredits(run, counts.succeeded, ports.credits);
  // A finished run owes nothing: whoever reads that looks no further.
  await ledger.markEnded(runId, { state: 'finished', finishedAt });
  await ports.leaveRoom(run);
  await ledger.takeOffOpen(runId);
  return { v: 1, run: runId, counts };
}

const describeRun = (run: PlannedRun, counts: Counts, finishedAt: string, files: readonly FileEntry[]): RunManifest => ({
  v: 1,
  run: run.run,
  tenant: run.tenant,
  processor: run.processor,
  options: run.options,
  source: run.source,
  plan: run.plan,
  totals: run.totals,
  counts,
  createdAt: run.createdAt,
  finishedAt,
  ...(run.stop && { stop: run.stop }),
  ...(run.redriveOf !== undefined && { redriveOf: run.redriveOf }),
  files,
});

/** The parts that the chains reach, each with the size that it really has, and what merge-results wrote. */
async function listFiles(run: PlannedRun, chains: readonly Chain[], results: ObjectStore): Promise<FileEntry[]> {
  const prefix = runPrefix(run.tenant, run.run);
  const sizes = new Map<string, number>();
  for await (const { key, bytes } of results.list(`${prefix}results/`)) sizes.set(key.slice(prefix.length), bytes);
  const parts = chains.flatMap(({ shard, batch, parts: ids }) => ids.map((id) => describePart(partPath(shard, batch, id), id, sizes)));
  const merged = JSON.parse(Buffer.from(await results.read(mergedKey(run))).toString()) as FileEntry[];
  return [...parts, ...merged].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function describePart(path: string, id: string, sizes: ReadonlyMap<string, number>): FileEntry {
  const bytes = sizes.get(path);
  if (bytes === undefined) throw new RecountError(`expected the part ${path} among the stored results, it is not there`);
  return { path, bytes, sha256: Buffer.from(id, 'base64url').toString('hex') };
}
