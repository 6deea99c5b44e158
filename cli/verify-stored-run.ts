import { findProcessor } from '../processors/registry.ts';
import type { Backend } from './backend.ts';
import type { VerifyReport } from './verify/verify-run.ts';
import { verifyRun } from './verify/verify-run.ts';

/** `verifyRun` on a stack's buckets and ledger, with the processors of this release. */
export const verifyStoredRun = ({ results, manifests, ledger }: Pick<Backend, 'results' | 'manifests' | 'ledger'>, { tenant, run }: { tenant: string; run: string }): Promise<VerifyReport> =>
  verifyRun({ results, ledger, manifestStoreOf: () => manifests, tenant, run, processorOf: findProcessor });
