import { describe, expect, test } from 'vitest';
import { RowPlanner } from '../../../lambdas/plan-run/row-planner.ts';
import { MAX_EXPANDING_ROWS } from '../../../shared/manifest/limits.ts';
import type { ManifestRow } from '../../../shared/manifest/manifest-row.ts';
import type { JsonObject } from '../../../shared/rows.ts';
import { webProcessor } from '../../support/planning.ts';

const sink = { item: () => undefined, duplicate: () => undefined, invalid: () => undefined };
const plannerOf = (maxRows?: number) => new RowPlanner({ processor: webProcessor, options: {}, sink, ...(maxRows === undefined ? {} : { maxRows }) });
const row = (line: number, fields: JsonObject): ManifestRow => ({ kind: 'fields', line, text: '', fields });

describe('limits', () => {
  test('one row more than allowed refuses the manifest, bad and expanded rows included', () => {
    const planner = plannerOf(3);
    planner.add({ kind: 'fault', line: 1, text: '', fault: 'x' });
    planner.add(row(2, { url: 'a.example' }));
    planner.addExpanded(3, { url: 'b.example' }, 2);
    expect(planner.totals(1)).toMatchObject({ rows: 3, invalid: 1, items: 2 });
    expect(() => planner.add(row(9, { url: 'c.example' }))).toThrow('expected at most 3 rows, got more by line 9: split the manifest');
  });

  test('more than 50,000 rows that ask to be expanded refuse the manifest', () => {
    const planner = plannerOf();
    for (let line = 1; line <= MAX_EXPANDING_ROWS; line++) planner.add(row(line, { expand: 'list' }));
    expect(() => planner.add(row(MAX_EXPANDING_ROWS + 1, { expand: 'list' }))).toThrow('expected at most 50000 rows that ask to be expanded, got more by line 50001');
  });
});
