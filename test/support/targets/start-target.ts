import { findLocalstack } from './localstack.ts';
import { readTargetName, type Target } from './target.ts';

/** The stack that TARGET names: started for this test file (embedded) or found (LocalStack). */
export async function startTarget(): Promise<Target> {
  if (readTargetName(process.env) === 'localstack') return findLocalstack();
  const { startEmbedded } = await import('./embedded.ts');
  return startEmbedded();
}
