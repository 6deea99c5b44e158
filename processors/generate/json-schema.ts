import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { JsonObject } from '../../shared/rows.ts';

/** Every unknown keyword is a fault, so that no typing error passes as a rule that is not kept; only those of descriptions are let be. */
const STRICT = { strict: true, strictTypes: false, strictRequired: false, allErrors: true, allowUnionTypes: true, validateFormats: false } as const;
const SHOWN_FAULTS = 5;
const KEPT_SCHEMAS = 50;

/** What does not fit, in words that a person and a model understand; empty: it fits. */
export type Check = (value: unknown) => string[];

const checks = new Map<string, ValidateFunction>();

/** @throws Error saying what of the schema can't be used */
function compile(schema: JsonObject, coerces: boolean): ValidateFunction {
  const key = `${coerces ? 'c' : ''}${JSON.stringify(schema)}`;
  const known = checks.get(key);
  if (known) return known;
  if (checks.size >= KEPT_SCHEMAS) checks.clear();
  // One each: what a schema declares stays in its instance.
  const validate = new Ajv2020({ ...STRICT, ...(coerces && { coerceTypes: 'array', useDefaults: true }) }).compile(schema);
  checks.set(key, validate);
  return validate;
}

/** Checks values against a JSON Schema (2020-12). @throws Error saying what of the schema can't be used */
export function createCheck(schema: JsonObject): Check {
  const validate = compile(schema, false);
  return (value) => (validate(value) ? [] : describe(validate.errors));
}

/** The same for what came as text: `"800"` becomes a number where one is asked for, and defaults are filled in. It changes the value. */
export function createReader(schema: JsonObject): Check {
  const validate = compile(schema, true);
  return (value) => (validate(value) ? [] : describe(validate.errors));
}

/** @returns what of the schema can't be used, or undefined */
export function faultOf(schema: JsonObject): string | undefined {
  try {
    compile(schema, false);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function describe(errors: readonly ErrorObject[] | null | undefined): string[] {
  const faults = (errors ?? []).map(({ instancePath, message = 'does not fit', params, keyword }) => {
    const extra: unknown = keyword === 'additionalProperties' ? (params as { additionalProperty?: unknown }).additionalProperty : keyword === 'enum' ? (params as { allowedValues?: unknown }).allowedValues : undefined;
    return `${instancePath || 'the whole'}: ${message}${extra === undefined ? '' : ` (${JSON.stringify(extra)})`}`;
  });
  return faults.length <= SHOWN_FAULTS ? faults : [...faults.slice(0, SHOWN_FAULTS), `and ${faults.length - SHOWN_FAULTS} more`];
}
