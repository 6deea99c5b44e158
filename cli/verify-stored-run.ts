import { findProcessor } from '../processors/registry.ts';
import type { Backend } from './backend.ts';
import type { VerifyReport } from './verify/verify-run.ts';
import { verifyRun } from './verify/verify-run.ts';

/** `verifyRun` on a stack's buckets, with the processors of this release. */
export const verifyStoredRun = ({ results, manifests }: Pick<Backend, 'results' | 'manifests'>, { tenant, run }: { tenant: string; run: string }): Promise<VerifyReport> =>
  verifyRun({ results, manifestStoreOf: () => manifests, tenant, run, processorOf: findProcessor });
