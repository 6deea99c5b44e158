import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { wordCount } from '../../examples/custom-processor/processor.ts';
import type { Processor, RowReading } from '../../processors/processor.ts';
import { listProcessors, processorOf } from '../../processors/registry.ts';
import { rowOfJson } from '../../shared/manifest/manifest-row.ts';
import type { JsonObject } from '../../shared/rows.ts';

/** Every field name that any processor looks at, and some that none does. */
const NAMES = ['text', 'url', 'loc', 'link', 'href', 'website', 'page', 'content', 'value', 'file', 'key', 'path', 'expand', 'id', 'title', 'note', '__proto__'];

const address = fc.oneof(
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.constantFrom('HTTPS://EXAMPLE.com:443/a/../b', ' https://example.com ', 'example.com', 'http://[::1]/x', 'https://bücher.example/ä?q=1#f', 'https://example.com/%7Eme'),
);
const value = fc.oneof({ weight: 3, arbitrary: address }, fc.string({ unit: 'binary', maxLength: 20 }), fc.jsonValue({ maxDepth: 2 }));

/** What a processor's runs must say; each reads all rows with the same. */
const OPTIONS: Record<string, JsonObject> = {
  generate: processorOf('generate').optionsSchema.parse({
    model: 'm1',
    template: '{{input}} {{note}} {{title}} {{page}}',
    variables: { input: { type: 'string' }, note: { type: 'array', items: { type: 'string' }, default: ['none'] }, title: { type: ['integer', 'null'], default: 3 }, page: { type: 'boolean', default: false } },
  }),
};

/** The row as jsonl carries it. */
const read = ({ primaryField, primaryAliases: aliases = [], ...processor }: Processor, fields: JsonObject): RowReading<JsonObject> => {
  const row = rowOfJson(1, JSON.stringify(fields), { primaryField, aliases, column: undefined });
  if (row.kind !== 'fields') throw new Error(row.fault);
  return processor.readRow(row.fields, OPTIONS[processor.name] ?? (OPTIONS[processor.name] = processor.optionsSchema.parse({})));
};

const processors = [...listProcessors(), wordCount as unknown as Processor].map((processor) => ({ name: processor.name, processor }));

describe.each(processors)('$name', ({ processor }) => {
  const names = [processor.primaryField, ...(processor.primaryAliases ?? []), ...NAMES];
  const row = fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1, maxKeys: 6 });

  it('reads what it made of a row as the same item', () => {
    fc.assert(
      fc.property(row, (fields) => {
        const reading = read(processor, fields);
        if (reading.kind !== 'item') return;
        expect(read(processor, reading.input)).toEqual(reading);
      }),
      { numRuns: 2000 },
    );
  });

  it("reads it so with the row's id beside it, too", () => {
    fc.assert(
      fc.property(row, fc.string({ minLength: 1 }), (fields, id) => {
        const reading = read(processor, { ...fields, id });
        if (reading.kind !== 'item') return;
        expect(read(processor, { ...reading.input, id })).toEqual(reading);
      }),
      { numRuns: 2000 },
    );
  });
});

test('the rows of this test are items at times', () => {
  for (const { processor } of processors) expect(read(processor, { [processor.primaryField]: 'https://example.com/' })).toMatchObject({ kind: 'item' });
});
