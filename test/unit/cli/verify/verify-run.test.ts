import { describe, expect, it } from 'vitest';
import { describeReport } from '../../../../cli/verify/describe-report.ts';
import type { FaultName } from '../../../../cli/verify/faults.ts';
import { FAULTS } from '../../../../cli/verify/faults.ts';
import { verifyRun } from '../../../../cli/verify/verify-run.ts';
import { buildFinishedRun } from '../../../support/finished-run.ts';
import type { StoredRun } from '../../../support/finished-run.ts';
import { LEDGER_TAMPERINGS } from '../../../support/ledger-tamperings.ts';
import { webProcessor } from '../../../support/planning.ts';
import { MANIFEST_TAMPERINGS, TAMPERINGS } from '../../../support/tamperings.ts';

const verify = ({ results, manifests, ledger, tenant, run }: StoredRun, { withLedger = true } = {}) =>
  verifyRun({ results, manifestStoreOf: () => manifests, tenant, run, processorOf: (name) => (name === 'web' ? webProcessor : undefined), ...(withLedger && { ledger }) });

describe('a run as it was finished', () => {
  it.each([{ withLedger: true }, { withLedger: false }])('is clean, and a part of a crashed delivery is a note: %o', async (options) => {
    const report = await verify(await buildFinishedRun(), options);
    expect(report.faults).toEqual([]);
    expect(report.garbage).toHaveLength(1);
    expect(report.recount).toMatchObject({ planned: 27, duplicates: 1, invalid: 3, succeeded: 23, failed: 4, skipped: 0 });
    expect(describeReport(report).join('\n')).toContain(report.garbage[0]);
  });

  it('is clean when it was stopped, and says so', async () => {
    const report = await verify(await buildFinishedRun({ stop: { reason: 'cancelled', at: '2026-01-01T00:00:30.000Z' } }));
    expect(report.faults).toEqual([]);
    expect(report.recount).toMatchObject({ succeeded: 14, failed: 2, skipped: 11 });
    expect(describeReport(report).join('\n')).toContain('the run was stopped at 2026-01-01T00:00:30.000Z (cancelled); 11 items were skipped');
  });
});

describe('a run that has no manifest.json', () => {
  const withoutManifest = async (state: 'open' | 'failed' | 'finished') => {
    const run = await buildFinishedRun();
    run.results.delete(`${run.tenant}/${run.run}/manifest.json`);
    Object.assign(run.ledger.run!, { state, error: 'only bad rows' });
    return Object.keys((await verify(run)).faultCounts);
  };

  it.each([['open', 'run-open'], ['failed', 'run-failed'], ['finished', 'manifest-missing']] as const)('and is %s has the one fault %s', async (state, fault) => {
    expect(await withoutManifest(state)).toEqual([fault]);
  });
});

describe('a tampering is found by its name', () => {
  it.each([...TAMPERINGS, ...MANIFEST_TAMPERINGS, ...LEDGER_TAMPERINGS].map((tampering) => [tampering.what, tampering] as const))('%s', async (_, { finds, apply }) => {
    const run = await buildFinishedRun();
    apply(run);
    const report = await verify(run);
    expect(report.isClean).toBe(false);
    expect(Object.keys(report.faultCounts)).toContain(finds);
    for (const { file, message } of report.faults) expect([file.length > 0, message.length > 0]).toEqual([true, true]);
  });

  it('names nothing of the files when only the ledger is false', async () => {
    for (const { what, apply } of LEDGER_TAMPERINGS) {
      const run = await buildFinishedRun();
      apply(run);
      const { faultCounts } = await verify(run);
      expect([what, Object.keys(faultCounts).filter((name) => !/^(?:ledger|run)-/.test(name))]).toEqual([what, []]);
    }
  });

  it('of every name that there is', () => {
    const found = [...TAMPERINGS, ...MANIFEST_TAMPERINGS, ...LEDGER_TAMPERINGS].map(({ finds }) => finds);
    expect(Object.keys(FAULTS).filter((name) => !found.includes(name as FaultName))).toEqual([]);
  });
});
