import type { ExpandContext, Processor } from '../../processors/processor.ts';
import { copyJsonObject, textOf } from '../../shared/json-copy.ts';
import { MAX_ROW_BYTES, MAX_ROW_DEPTH } from '../../shared/manifest/limits.ts';
import type { ExpandedRow, JsonObject } from '../../shared/rows.ts';
import type { RowPlanner } from './row-planner.ts';
import type { ExpandingRow } from './row-planner.ts';

interface Expansion {
  readonly planner: RowPlanner;
  readonly processor: Processor;
  readonly context: ExpandContext<JsonObject>;
  /** Writes down what an expansion gave, for `verify`. */
  readonly record: (row: ExpandedRow) => void;
  /** Called after every row: waits while the stores are slower. */
  readonly drain: () => Promise<void>;
}

/**
 * Follows the rows that asked, in the manifest's order, then those that the new rows asked for. New rows count on after the manifest's last line.
 * What was given before a failure stays; the row that asked is then invalid and says why (docs/decisions/0002).
 */
export async function expandRows(expansion: Expansion): Promise<void> {
  for (let rows = expansion.planner.takeExpanding(); rows.length > 0; rows = expansion.planner.takeExpanding()) {
    for (const row of rows) expansion.planner.endExpansion(row, await expandRow(expansion, row));
  }
}

async function expandRow({ planner, processor, context, record, drain }: Expansion, row: ExpandingRow): Promise<string | undefined> {
  let given = 0;
  const rows = callExpand(processor, row, context);
  for (;;) {
    const next = await rows.next().catch((error: unknown) => ({ failure: textOf(error) }));
    if ('failure' in next) return given === 0 ? `could not be expanded: ${next.failure}` : `could not be expanded to its end, only to ${given} rows: ${next.failure}`;
    if (next.done === true) return given === 0 ? 'expected rows from the expansion, got none' : undefined;
    const line = planner.lastLine + 1;
    record({ line, from: row.line, input: next.value });
    planner.addExpanded(line, next.value, row.depth + 1);
    given++;
    await drain();
  }
}

/** A generator of its own, so that whatever the processor does wrong is a rejected `next`. */
async function* callExpand(processor: Processor, row: ExpandingRow, context: ExpandContext<JsonObject>): AsyncGenerator<JsonObject> {
  for await (const fields of processor.expand!(row.fields, context)) {
    const copy = copyJsonObject(fields, { maxBytes: MAX_ROW_BYTES, maxDepth: MAX_ROW_DEPTH });
    if (!copy.ok) throw new TypeError(`the processor gave something else than a row: ${copy.reason}`);
    yield copy.value;
  }
}
