import { describe, expect, it } from 'vitest';
import { verifyRun } from '../../../../cli/verify/verify-run.ts';
import { buildFinishedRun } from '../../../support/finished-run.ts';
import type { StoredRun } from '../../../support/finished-run.ts';
import { webProcessor } from '../../../support/planning.ts';
import { MANIFEST_TAMPERINGS, TAMPERINGS } from '../../../support/tamperings.ts';

const verify = (run: StoredRun) =>
  verifyRun({ results: run.results, manifestStoreOf: () => run.manifests, tenant: run.tenant, run: run.run, processorOf: (name) => (name === 'web' ? webProcessor : undefined) });

describe('a run as it was finished', () => {
  it('is clean, and a part of a crashed delivery is a note', async () => {
    const report = await verify(await buildFinishedRun());
    expect(report.faults).toEqual([]);
    expect(report.garbage).toHaveLength(1);
    expect(report.recount).toMatchObject({ planned: 27, duplicates: 1, invalid: 3, succeeded: 23, failed: 4, skipped: 0 });
  });
});

describe('a tampering is found by its name', () => {
  it.each([...TAMPERINGS, ...MANIFEST_TAMPERINGS].map((tampering) => [tampering.what, tampering] as const))('%s', async (_, { finds, apply }) => {
    const run = await buildFinishedRun();
    apply(run);
    const report = await verify(run);
    expect(report.isClean).toBe(false);
    expect(Object.keys(report.faultCounts)).toContain(finds);
    for (const { file, message } of report.faults) expect([file.length > 0, message.length > 0]).toEqual([true, true]);
  });
});
