import type { JsonObject } from '../../shared/rows.ts';
import type { Processor, RowReading } from '../processor.ts';
import { generateItem } from './generate-item.ts';
import { createReader, type Check } from './json-schema.ts';
import { optionsSchema, rowSchemaOf, type GenerateOptions } from './options.ts';

const CREDITS_PER_ITEM = 25;
const MAX_WAITING_ITEMS = 10_000;
const ITEM_DEADLINE_SECONDS = 120;
const LEAST_SECONDS_LEFT = 60;

/** Texts and structured data by a model: a row's variables fill in a template, and the answer is held against a JSON Schema. */
export const generate: Processor<JsonObject, GenerateOptions> = {
  name: 'generate',
  summary: "Fills in a template with each row's variables and has a model answer it, as text or by a JSON Schema.",
  workerClass: 'api',
  primaryField: 'input',
  primaryAliases: ['prompt', 'topic', 'title', 'text'],
  isPrimaryOptional: true,
  optionsSchema,
  itemsPerBatch: 20,
  concurrency: 8,
  creditsPerItem: CREDITS_PER_ITEM,
  maxWaitingItems: MAX_WAITING_ITEMS,
  itemDeadlineSeconds: ITEM_DEADLINE_SECONDS,
  leastSecondsLeft: LEAST_SECONDS_LEFT,
  mainLimitKey,
  readRow,
  process: generateItem,
};

function mainLimitKey({ api, model }: GenerateOptions): string {
  return `api:${api}:${model}:requests`;
}

const readers = new WeakMap<GenerateOptions, { readonly check: Check; readonly names: readonly string[] }>();

function readerOf(options: GenerateOptions) {
  const schema = rowSchemaOf(options);
  const reader = readers.get(options) ?? { check: createReader(schema), names: Object.keys(schema.properties) };
  readers.set(options, reader);
  return reader;
}

/** The item is its variables, in the order of the options. Equal rows are several items: whoever writes a prompt twice wants two answers. */
function readRow(fields: JsonObject, options: GenerateOptions): RowReading<JsonObject> {
  const { check, names } = readerOf(options);
  const given = givenOf(fields, names);
  // What became empty by its type (`[""]` as a text) is missing as well, so that the item reads as itself again.
  const faults = check(given);
  const input = givenOf(given, names);
  faults.push(...(faults.length > 0 ? [] : check(input)));
  if (faults.length > 0) return { kind: 'invalid', reason: `expected the variables of the template: ${faults.join('; ')}` };
  return { kind: 'item', input: givenOf(input, names), limitKey: mainLimitKey(options) };
}

/** A field that is empty or null is missing. */
const givenOf = (fields: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(names.flatMap((name) => (fields[name] === undefined || fields[name] === null || fields[name] === '' ? [] : [[name, structuredClone(fields[name])]])));
