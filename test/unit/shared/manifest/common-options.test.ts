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

  test('all faults come in one sentence', () => {
    expect(() => splitOptions({ itemsPerBatch: 0, format: 'xlsx' })).toThrow(/`itemsPerBatch`: .*; `format`: /);
  });
});
