import { z } from 'zod';
import { listProcessors } from '../../processors/registry.ts';
import { commonOptionsSchema } from '../../shared/manifest/common-options.ts';
import type { JsonObject } from '../../shared/rows.ts';

export const processorName = z.enum(listProcessors().map(({ name }) => name));
export const runOptions = z.record(z.string(), z.unknown()).meta({ description: "The processor's own options, and those of every run" });

/** A body with `processor` and `options`, for the document: one form for each processor, with all of its options. */
export function describeByProcessor(body: z.ZodType, examples: readonly JsonObject[]): JsonObject {
  const { properties, required = [] } = z.toJSONSchema(body, { io: 'input' }) as { properties: JsonObject; required?: string[] };
  const common = z.toJSONSchema(commonOptionsSchema, { io: 'input', unrepresentable: 'any' }) as { properties: JsonObject };
  const forms = listProcessors().map(({ name, summary, optionsSchema }) => {
    const own = z.toJSONSchema(optionsSchema, { io: 'input', unrepresentable: 'any' }) as { properties?: JsonObject; required?: string[] };
    const options = { type: 'object', properties: { ...common.properties, ...own.properties }, additionalProperties: false, ...(own.required?.length && { required: own.required }) };
    const needed = own.required?.length ? [...required, 'options'] : required;
    return { type: 'object', description: summary, properties: { ...properties, processor: { const: name }, options }, required: needed, additionalProperties: false };
  });
  return { oneOf: forms, examples: [...examples] };
}
