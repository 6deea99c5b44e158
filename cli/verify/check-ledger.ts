import type { BatchState, RunRecord, ShardRecord } from '../../shared/records.ts';
import type { ChainEnd, SettledShard } from './check-parts.ts';
import type { FaultLog } from './faults.ts';
import { canonicalJson } from './fingerprint.ts';
import type { LedgerView } from './ledger-view.ts';
import type { ShardPlan } from './rows-schema.ts';
import type { Verification } from './verification.ts';

/** The ledger against the files. A fault's file is the key of the record that is wrong. */

const runRecordKey = (run: string): string => `RUN#${run}`;
const doneRecordKey = (run: string): string => `DONE#${run}`;
const shardRecordKey = (run: string, shard: number): string => `SHARD#${run}#${shard}`;

/** What manifest.json took from the run's record. */
const COPIED_FIELDS = ['tenant', 'processor', 'options', 'source', 'plan', 'totals', 'createdAt', 'finishedAt', 'stop', 'redriveOf'] as const;

/** Only a finished run says that it is done. @returns whether it has ended well */
export function checkRunState(faults: FaultLog, run: string, record: RunRecord | undefined): boolean {
  const key = runRecordKey(run);
  if (!record) faults.add('ledger-run-missing', key, 'the ledger has no record of this run');
  else if (record.state === 'failed') faults.add('run-failed', key, `the run failed: ${record.error ?? 'no reason is recorded'}`);
  else if (record.state !== 'finished') faults.add('run-open', key, `its state is ${record.state}: verify it when it has ended; \`spillway watch ${run}\` follows it`);
  return record?.state === 'finished';
}

export function checkRunRecord({ manifest, faults }: Verification, { record }: LedgerView): void {
  const key = runRecordKey(manifest.run);
  for (const field of COPIED_FIELDS) {
    const [said, kept] = [manifest, record].map((from) => canonicalJson((from as { readonly [Field in typeof field]?: unknown })[field]));
    if (said !== kept) faults.add('ledger-run-wrong', key, `its ${field} is ${kept}, manifest.json says ${said}`);
  }
}

/** The set of finished shards has every shard of the plan and no other. */
export async function checkDoneSet(check: Verification, ledger: LedgerView): Promise<void> {
  const { manifest, faults } = check;
  const key = doneRecordKey(manifest.run);
  const done = await ledger.done();
  const { shards } = manifest.totals;
  for (let shard = 0; shard < shards; shard++) {
    if (!done.has(shard)) faults.add('ledger-done-wrong', key, `shard ${shard} is not among the finished ones`);
  }
  for (const shard of done) if (shard < 0 || shard >= shards) faults.add('ledger-done-wrong', key, `the plan has no shard ${shard}`);
}

/** One shard's record against its plan and against what its parts gave. */
export async function checkShardRecord(check: Verification, plan: ShardPlan, settled: SettledShard): Promise<void> {
  const { ledger, faults, manifest } = check;
  if (!ledger) return;
  const key = shardRecordKey(manifest.run, plan.shard);
  const record = await ledger.shard(plan.shard);
  if (!record) return faults.add('ledger-shard-missing', key, `the plan has shard ${plan.shard}, the ledger has no record of it`);
  const says = (name: string, kept: unknown, found: unknown) => {
    if (canonicalJson(kept) !== canonicalJson(found)) faults.add('ledger-shard-wrong', key, `its ${name} is ${canonicalJson(kept)}, the files of the run say ${canonicalJson(found)}`);
  };
  says('tenant', record.tenant, manifest.tenant);
  says('plan', record.plan, manifest.plan);
  says('sizes', record.sizes, plan.sizes);
  says('offsets', record.offsets, plan.offsets);
  says('lines', record.lines ?? null, plan.lines ?? null);
  says('number of batches', [record.n, Object.keys(record.b).length], [plan.sizes.length, plan.sizes.length]);
  checkCounters(check, key, record, settled);
  for (const batch of plan.sizes.keys()) checkBatch(check, `${key} b.${batch}`, record.b[batch], settled.chains.get(batch));
}

function checkCounters({ faults }: Verification, key: string, record: ShardRecord, { verdicts }: SettledShard): void {
  const finished = Object.values(record.b).filter(({ l }) => l === '').length;
  const counted = { ok: verdicts.succeeded, ko: verdicts.failed, sk: verdicts.skipped, nd: finished };
  for (const name of ['ok', 'ko', 'sk', 'nd'] as const) {
    if (record[name] === counted[name]) continue;
    const source = name === 'nd' ? 'its batches' : 'the rows of its parts';
    faults.add('ledger-counts-wrong', key, `its ${name} is ${record[name]}, ${source} give ${counted[name]}`);
  }
}

/** Every settlement writes one part and raises q by one: h names the chain's end, and q is its length. */
function checkBatch({ faults }: Verification, key: string, batch: BatchState | undefined, chain: ChainEnd | undefined): void {
  if (!batch) return;
  if (batch.l !== '') faults.add('ledger-batch-open', key, `the ordinals ${batch.l} are left, although the run has ended`);
  if (!chain) return faults.add('ledger-chain-wrong', key, `it names part ${batch.h}, manifest.json lists no part of the batch`);
  // A forked or circular chain has been named already.
  if (chain.head === undefined) return;
  if (batch.h !== chain.head) faults.add('ledger-chain-wrong', key, `it names part ${batch.h}, the chain of the batch ends with ${chain.head}`);
  if (batch.q !== chain.q) faults.add('ledger-chain-wrong', key, `its settle number is ${batch.q}, that of the last part is ${chain.q}`);
}
