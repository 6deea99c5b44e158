import { acknowledgeRun } from '../../shared/finish-shard.ts';
import type { AwaitInput } from '../../shared/messages.ts';
import type { RunLedger, TaskAnswers } from '../../shared/ports.ts';

/**
 * Stores the token that the run waits with, then looks whether all shards are done already. Only the current execution's newest
 * attempt may store its token; a superseded one ends quietly, and its own time-out ends its wait.
 */
export async function awaitRun(input: AwaitInput, ports: { ledger: RunLedger; taskAnswers: TaskAnswers }): Promise<'stored' | 'superseded'> {
  const answer = await ports.ledger.storeToken(input);
  if (answer === 'stored') await acknowledgeRun(input.run, await ports.ledger.readDone(input.run), ports);
  return answer;
}
