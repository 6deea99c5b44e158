import { compileExpression, type Expression } from './intrinsics.ts';
import { isObject, type Json } from './json.ts';
import type { Scope } from './json-path.ts';

/** A payload template (Parameters, ResultSelector, ItemSelector): fields whose name ends in `.$` are evaluated, all else is taken as it is. */
export type Template = (scope: Scope) => Json;

const compileField = (name: string, value: unknown): readonly [string, Expression] => {
  if (!name.endsWith('.$')) return [name, compileTemplate(value)];
  if (typeof value !== 'string') throw new Error(`expected "${name}" to hold a path or an intrinsic function, got ${JSON.stringify(value)}`);
  return [name.slice(0, -2), compileExpression(value)];
};

/** @throws Error in one sentence for a wrong path or an unknown intrinsic function, and for two fields of one name. */
export const compileTemplate = (value: unknown): Template => {
  if (Array.isArray(value)) {
    const items = value.map(compileTemplate);
    return (scope) => items.map((item) => item(scope));
  }
  if (!isObject(value)) return () => value as Json;
  const fields = Object.entries(value).map(([name, field]) => compileField(name, field));
  const names = fields.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`expected one field "${twice}", got "${twice}" and "${twice}.$"`);
  return (scope) => Object.fromEntries(fields.map(([name, field]) => [name, field(scope)]));
};
