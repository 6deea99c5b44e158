import { describe, expect, test } from 'vitest';
import { splitOptions } from '../../../../shared/manifest/common-options.ts';

describe('the options of a run', () => {
  test('are the common ones and the rest, which is the processor\'s', () => {
    expect(splitOptions({ itemsPerBatch: 1000, column: 'page', format: 'csv', depth: 2 })).toEqual({
      common: { itemsPerBatch: 1000, column: 'page', format: 'csv' },
      own: { depth: 2 },
    });
  });

  test.each([{ itemsPerBatch: 0 }, { itemsPerBatch: 1001 }, { itemsPerBatch: 1.5 }, { itemsPerBatch: '10' }, { format: 'xlsx' }, { column: '' }])('%j is refused by name', (options) => {
    expect(() => splitOptions(options)).toThrow(`the run's options are wrong: \`${Object.keys(options)[0]}\`: `);
  });

  test.each([
    [{ depth: 3e-246 }, '`depth`: expected 0 or a number'],
    [{ a: { b: [1, 1e200] } }, '`a.b.1`: expected 0 or a number'],
    [JSON.parse(`{"a":${'['.repeat(30)}${']'.repeat(30)}}`) as object, 'expected at most 25 levels'],
  ])('%j is refused, because no record could hold it', (options, reason) => {
    expect(() => splitOptions({ ...options })).toThrow(reason);
  });

  test('numbers of every usual size are taken', () => {
    expect(splitOptions({ a: 0, b: -1.5e-100, c: 1e100, d: 0.1 }).own).toEqual({ a: 0, b: -1.5e-100, c: 1e100, d: 0.1 });
  });

  test('all faults come in one sentence', () => {
    expect(() => splitOptions({ itemsPerBatch: 0, format: 'xlsx' })).toThrow(/`itemsPerBatch`: .*; `format`: /);
  });
});
