import { z } from 'zod';
import { isApiName } from '../../shared/names.ts';
import type { JsonObject } from '../../shared/rows.ts';
import { faultOf } from './json-schema.ts';
import { variablesIn } from './template.ts';

const MAX_TEMPLATE_CHARACTERS = 100_000;
const MAX_OUTPUT_TOKENS = 128_000;
const MAX_TIMEOUT_SECONDS = 100;

const objectSchema = z.record(z.string(), z.unknown());

/** A JSON Schema (2020-12). */
const jsonSchema = objectSchema.superRefine((schema, context) => {
  const fault = faultOf(schema);
  if (fault !== undefined) context.addIssue({ code: 'custom', message: `expected a JSON Schema: ${fault}` });
});

export const optionsSchema = z
  .strictObject({
    /** The operator's name of the API. */
    api: z.string().refine(isApiName, 'expected lower-case letters, digits and hyphens, such as openai').default('openai'),
    /** As the API calls it. */
    model: z.string().min(1).max(200).regex(/^[^\s*]+$/, 'expected a name without spaces and *'),
    /** The user's message: `{{name}}` stands for a variable of the row. */
    template: z.string().min(1).max(MAX_TEMPLATE_CHARACTERS).default('{{input}}'),
    /** The system's message, with variables as well. */
    system: z.string().max(MAX_TEMPLATE_CHARACTERS).optional(),
    /** Name -> JSON Schema of the variable, with its default if it has one. @default each variable of the templates is a text that must be there */
    variables: z.record(z.string(), jsonSchema).optional(),
    /** JSON Schema of the answer, an object. @default the answer is text */
    schema: jsonSchema.refine(({ type }) => type === 'object', 'expected `"type": "object"`: APIs take no other').optional(),
    maxOutputTokens: z.int().min(1).max(MAX_OUTPUT_TOKENS).default(1024),
    temperature: z.number().min(0).max(2).optional(),
    /** Of one call. */
    timeoutSeconds: z.number().min(1).max(MAX_TIMEOUT_SECONDS).default(60),
  })
  .superRefine(({ template, system = '', variables }, context) => {
    const unknown = variables === undefined ? [] : variablesIn(template + system).filter((name) => variables[name] === undefined);
    if (unknown.length > 0) context.addIssue({ code: 'custom', path: ['variables'], message: `expected every variable of the templates, missing ${unknown.join(', ')}` });
  });

export type GenerateOptions = z.infer<typeof optionsSchema>;

/** JSON Schema of a row. Fields that are no variables are left out of the item. */
export function rowSchemaOf({ template, system = '', variables }: GenerateOptions): JsonObject & { readonly properties: Readonly<Record<string, JsonObject>> } {
  const properties: Readonly<Record<string, JsonObject>> = variables ?? Object.fromEntries(variablesIn(template + system).map((name) => [name, { type: 'string', minLength: 1 }]));
  const required = Object.keys(properties).filter((name) => properties[name]!['default'] === undefined);
  return { type: 'object', properties, required };
}
