import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { assemble } from '../cdk/assemble.ts';
import { type BilledTemplate, IDLE_PRICES, type IdleItem, itemiseIdleCost, sumIdleCost } from '../cdk/idle-cost.ts';
import { readStage } from '../cdk/read-stage.ts';
import { stackNameOf } from '../shared/stages.ts';

/**
 * What the stack costs a month while it does nothing, itemised from its template.
 * `node bench/idle-cost.ts`; of a stage: `SPILLWAY_STAGE=<name> node bench/idle-cost.ts`.
 */

const project = resolve(import.meta.dirname, '..');
const stage = readStage(project, process.env);
const folder = mkdtempSync(join(tmpdir(), 'spillway-idle-cost-'));
try {
  await assemble(folder, { sourceRoot: project, ...(stage && { stage }) });
  print(itemiseIdleCost(JSON.parse(readFileSync(join(folder, `${stackNameOf(stage?.name)}.template.json`), 'utf8')) as BilledTemplate));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function print(items: readonly IdleItem[]): void {
  const { listed, afterFree } = sumIdleCost(items);
  console.log('| what | where | a month | $ a month |\n| --- | --- | ---: | ---: |');
  for (const [what, group] of Map.groupBy(items, ({ what, unit }) => `${what} (${unit})`)) {
    const [quantity, dollars] = [group.reduce((sum, item) => sum + item.quantity, 0), group.reduce((sum, item) => sum + item.dollars, 0)];
    console.log(`| ${what} | ${group.map(({ logicalId }) => logicalId).join(', ')} | ${quantity.toLocaleString('en-US', { maximumFractionDigits: 3 })} | ${dollars.toFixed(3)} |`);
  }
  console.log(`| together, by the price list (${IDLE_PRICES.asOf}) | | | ${listed.toFixed(2)} |\n| after what every account has free | | | ${afterFree.toFixed(2)} |`);
}
