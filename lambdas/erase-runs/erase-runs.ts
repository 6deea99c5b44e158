import { runPrefix } from '../../shared/names.ts';
import type { Clock, ObjectRemover, ObjectStore, RunErasures, RunLedger, TenantStore } from '../../shared/ports.ts';
import type { DeletedRecord } from '../../shared/records.ts';
import { ALL_TENANTS } from '../../shared/tenant-settings.ts';

export interface ErasePorts {
  readonly erasures: RunErasures;
  readonly ledger: Pick<RunLedger, 'readRun' | 'listOpen'>;
  readonly tenants: Pick<TenantStore, 'listSettings'>;
  readonly results: Pick<ObjectStore, 'list'>;
  readonly resultsRemover: Pick<ObjectRemover, 'remove'>;
  readonly manifestsRemover: Pick<ObjectRemover, 'removeVersion'>;
  readonly clock: Clock;
  readonly onError: (run: string, error: unknown) => void;
}

const DAY_MS = 86_400_000;
/** Whoever marks a run writes its entry first: an entry without a mark is left to them for so long. */
const MARKING_MS = 3_600_000;
const KEYS_AT_ONCE = 1000;
const RUNS_A_PAGE = 100;

/**
 * Deletes runs that are kept long enough, and erases what is deleted: files, ledger, and the version of the manifest that the run was made of.
 * May overlap with itself and die anywhere; what is not done by the deadline is the next one's.
 */
export async function eraseRuns(ports: ErasePorts, deadline = Infinity): Promise<{ readonly expired: number; readonly erased: number; readonly failed: number }> {
  const expired = await expireRuns(ports, deadline);
  // A failed run stays on that list until its credits are given back.
  const open = new Set((await ports.ledger.listOpen()).map(({ run }) => run));
  let [erased, failed] = [0, 0];
  for (const deleted of await ports.erasures.listDeleted()) {
    if (ports.clock() > deadline) break;
    if (open.has(deleted.run)) continue;
    try {
      if (await eraseRun(deleted, ports, deadline)) erased++;
    } catch (error) {
      failed++;
      ports.onError(deleted.run, error);
    }
  }
  return { expired, erased, failed };
}

/** By `retentionDays` of each tenant, else of all. @returns how many were deleted */
async function expireRuns({ erasures, ledger, tenants, clock }: ErasePorts, deadline: number): Promise<number> {
  const settings = await tenants.listSettings();
  const daysOfAll = settings.get(ALL_TENANTS)?.retentionDays;
  const daysOf = (tenant: string): number => settings.get(tenant)?.retentionDays ?? daysOfAll ?? Infinity;
  const named = [...settings].filter(([tenant, { retentionDays }]) => tenant !== ALL_TENANTS && retentionDays !== undefined).map(([tenant]) => tenant);
  let expired = 0;
  // One list holds the runs of all tenants.
  for (const list of daysOfAll === undefined ? named : [undefined, ...named]) {
    const before = new Date(clock() - DAY_MS * (list === undefined ? daysOfAll! : daysOf(list))).toISOString();
    for (let after: string | undefined; clock() < deadline; ) {
      const page = await erasures.listOlder(list, before, RUNS_A_PAGE, after);
      for (const { run } of page) {
        const record = await ledger.readRun(run);
        if (record?.finishedAt === undefined || Date.parse(record.finishedAt) > clock() - DAY_MS * daysOf(record.tenant)) continue;
        if (await erasures.markDeleted(record, clock())) expired++;
      }
      after = page.at(-1)?.place;
      if (page.length < RUNS_A_PAGE) break;
    }
  }
  return expired;
}

/** @returns whether nothing of it is left */
async function eraseRun(deleted: DeletedRecord, ports: ErasePorts, deadline: number): Promise<boolean> {
  const { run, tenant, source } = deleted;
  const { erasures, ledger, results, resultsRemover, manifestsRemover, clock } = ports;
  const record = await ledger.readRun(run);
  if (record && record.deletedAt === undefined) {
    if (Date.parse(deleted.at) + MARKING_MS < clock()) await erasures.dropMark(run);
    return false;
  }
  let keys: string[] = [];
  for await (const { key } of results.list(runPrefix(tenant, run))) {
    keys.push(key);
    if (keys.length < KEYS_AT_ONCE) continue;
    await resultsRemover.remove(keys);
    keys = [];
    if (clock() > deadline) return false;
  }
  if (keys.length > 0) await resultsRemover.remove(keys);
  await manifestsRemover.removeVersion(source);
  await erasures.forget(deleted);
  return true;
}
