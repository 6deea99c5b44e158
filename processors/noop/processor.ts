import { z } from 'zod';
import type { JsonObject } from '../../shared/rows.ts';
import type { Processor } from '../processor.ts';

/** Does nothing to any row: measures and tests everything around a processor. */
export const noop: Processor<JsonObject, Record<string, never>> = {
  name: 'noop',
  summary: 'Does nothing to each row and says that it succeeded: for tests, measurements and dry runs.',
  workerClass: 'standard',
  primaryField: 'value',
  optionsSchema: z.strictObject({}),
  itemsPerBatch: 250,
  concurrency: 1,
  readRow: (fields) => ({ kind: 'item', input: fields, ...(typeof fields['value'] === 'string' && { equalityKey: fields['value'] }) }),
  process: async () => ({ verdict: 'succeeded', output: {} }),
};
