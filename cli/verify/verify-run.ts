import { MANIFEST_FILE_NAME, runPrefix } from '../../shared/names.ts';
import { checkFileList, checkRemainingFiles, checkUnlistedFiles } from './check-files.ts';
import { checkDoneSet, checkRunRecord, checkRunState } from './check-ledger.ts';
import { checkShards } from './check-plan.ts';
import { checkSideFiles } from './check-side-files.ts';
import { checkSource } from './check-source.ts';
import { checkTotals } from './check-totals.ts';
import type { Fault, FaultName } from './faults.ts';
import { FaultLog } from './faults.ts';
import { LedgerView } from './ledger-view.ts';
import type { RunManifest } from './rows-schema.ts';
import { parseRow, runManifestSchema } from './rows-schema.ts';
import type { VerifyInput } from './verification.ts';
import { Verification } from './verification.ts';

export interface VerifyReport {
  readonly run: string;
  readonly isClean: boolean;
  /** At most 20 of each name. */
  readonly faults: readonly Fault[];
  /** How often each name was found in all. */
  readonly faultCounts: Readonly<Partial<Record<FaultName, number>>>;
  /** Files that a crash may leave: they count for nothing. */
  readonly garbage: readonly string[];
  /** What was counted row by row. */
  readonly recount: Verification['recount'] | undefined;
  /** Why the run ended early; undefined: it did not. */
  readonly stop?: NonNullable<RunManifest['stop']>;
}

/**
 * Recounts a finished run from its stored objects and the uploaded manifest, with none of the planner's or the workers' code, and holds the
 * ledger's records against that if a ledger is given. Reads every byte once; memory is about 30 bytes a line plus one shard's plan.
 */
export async function verifyRun(input: VerifyInput): Promise<VerifyReport> {
  const faults = new FaultLog();
  const prefix = runPrefix(input.tenant, input.run);
  const record = await input.ledger?.readRun(input.run);
  // A run that has not ended well says so itself: that it has no manifest.json yet is no fault of its own.
  const isEnded = !input.ledger || checkRunState(faults, input.run, record) || !record;
  const manifest = await readRunManifest(input, { prefix, faults, mayBeMissing: !isEnded });
  if (!manifest) return report(input.run, faults);
  const ledger = input.ledger && record && new LedgerView(input.ledger, record);
  const check = new Verification(input, { manifest, prefix, faults, ledger });
  checkFileList(check);
  if (ledger) checkRunRecord(check, ledger);
  await checkShards(check);
  if (ledger) await checkDoneSet(check, ledger);
  await checkSideFiles(check);
  checkTotals(check);
  await checkSource(check);
  await checkRemainingFiles(check);
  return report(input.run, faults, { garbage: await checkUnlistedFiles(check), recount: check.recount, ...(manifest.stop && { stop: manifest.stop }) });
}

async function readRunManifest(
  input: VerifyInput,
  { prefix, faults, mayBeMissing }: { prefix: string; faults: FaultLog; mayBeMissing: boolean },
): Promise<RunManifest | undefined> {
  const object = await input.results.open(prefix + MANIFEST_FILE_NAME);
  if (!object) {
    if (mayBeMissing) return undefined;
    faults.add('manifest-missing', MANIFEST_FILE_NAME, `there is none below ${prefix}: the run has not finished, has failed, or is not here`);
    return undefined;
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.body) chunks.push(chunk);
  const parsed = parseRow(runManifestSchema, Buffer.concat(chunks).toString());
  if (!('row' in parsed)) {
    faults.add('manifest-malformed', MANIFEST_FILE_NAME, parsed.reason);
    return undefined;
  }
  for (const field of ['run', 'tenant'] as const) {
    if (parsed.row[field] === input[field]) continue;
    faults.add('manifest-malformed', MANIFEST_FILE_NAME, `expected ${field} ${input[field]}, got ${parsed.row[field]}`);
    return undefined;
  }
  return parsed.row;
}

function report(run: string, faults: FaultLog, found: Partial<Pick<VerifyReport, 'garbage' | 'recount' | 'stop'>> = {}): VerifyReport {
  const { garbage = [], recount, stop } = found;
  return { run, isClean: faults.kept.length === 0, faults: faults.kept, faultCounts: Object.fromEntries(faults.counts), garbage, recount, ...(stop && { stop }) };
}
