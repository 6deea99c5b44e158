import type { ItemExplanation } from '../../client/spillway-client.ts';
import { ITEM_ID_PATTERN } from '../../lambdas/serve-api/item-id.ts';
import { Problem } from '../../lambdas/serve-api/problem.ts';
import { explainSeen, seeItem } from '../../lambdas/serve-api/see-item.ts';
import { UsageError } from '../../shared/errors.ts';
import type { Backend } from '../backend.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { onStack } from '../on-stack.ts';
import type { CommandContext } from '../settings.ts';

/** Why an item waits, or why it ended as it did: its place in the plan, its batch, what holds it. */
export async function explainCommand(item: string, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  if (!ITEM_ID_PATTERN.test(item)) throw new UsageError(`expected the id of an item, <run>.<line>, got ${item}`);
  const explanation = await explain(item, context);
  if (terminal.isJson) terminal.print(JSON.stringify(explanation));
  else for (const line of describe(explanation)) terminal.print(line);
  return EXIT.ok;
}

const explain = (item: string, context: CommandContext): Promise<ItemExplanation> => onStack(context, { far: (client) => client.explainItem(item), here: (backend) => explainHere(item, backend, context) });

async function explainHere(item: string, { ledger, results, waitsOf }: Backend, { tenant, terminal }: CommandContext): Promise<ItemExplanation> {
  const ports = { ledger, results, waitsOf, clock: () => terminal.now() };
  try {
    return await explainSeen(await seeItem(item, tenant, ports), ports);
  } catch (error) {
    throw error instanceof Problem ? new UsageError(`${error.message} of tenant ${tenant}`) : error;
  }
}

function describe({ item, batch, says }: ItemExplanation): string[] {
  const place = batch ? [`shard ${batch.shard}, batch ${batch.batch}, position ${batch.position}; settled ${batch.settlements} times${batch.limitKey === undefined ? '' : `; limit ${batch.limitKey}`}${batch.part === undefined ? '' : `; part ${batch.part}`}`] : [];
  return [`${item.item}  ${item.verdict ?? item.state}${item.id === undefined ? '' : `  (${item.id})`}`, ...place, ...says];
}
