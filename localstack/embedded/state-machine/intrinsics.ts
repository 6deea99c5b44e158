import { createHash, randomUUID } from 'node:crypto';
import { isJsonArray, isJsonObject, type Json } from './json.ts';
import { compilePath, readAt, type Scope } from './json-path.ts';
import { StatesError, StatesErrorName } from './states-error.ts';

/** A path or an intrinsic function, ready to be evaluated. */
export type Expression = (scope: Scope) => Json;

class ArgumentFault extends Error {}

const text = (value: Json | undefined): string => {
  if (typeof value !== 'string') throw new ArgumentFault(`expected a string, got ${JSON.stringify(value)}`);
  return value;
};
const integer = (value: Json | undefined): number => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new ArgumentFault(`expected a number, got ${JSON.stringify(value)}`);
  return Math.round(value);
};
const list = (value: Json | undefined): readonly Json[] => {
  if (!isJsonArray(value)) throw new ArgumentFault(`expected an array, got ${JSON.stringify(value)}`);
  return value;
};

const format = (values: readonly Json[]): string => {
  const [template, ...rest] = values;
  // Outside law: `\{`, `\}` and `\\` in a template are the characters themselves.
  const pieces = text(template).match(/\\[{}\\]|\{\}|[^]/gu) ?? [];
  const holes = pieces.filter((piece) => piece === '{}').length;
  if (holes !== rest.length) throw new ArgumentFault(`expected ${holes} values for the template, got ${rest.length}`);
  const next = rest.values();
  return pieces.map((piece) => (piece === '{}' ? printed(next.next().value) : /^\\[{}\\]$/.test(piece) ? piece.slice(1) : piece)).join('');
};
const printed = (value: Json | undefined): string => (typeof value === 'string' ? value : JSON.stringify(value ?? null));

const getItem = (values: readonly Json[]): Json => {
  const item = list(values[0])[integer(values[1])];
  if (item === undefined) throw new ArgumentFault(`there is no element ${JSON.stringify(values[1])}`);
  return item;
};

const HASHES: Readonly<Record<string, string>> = { MD5: 'md5', 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };
const hash = (values: readonly Json[]): string => {
  const algorithm = HASHES[text(values[1])];
  if (algorithm === undefined) throw new ArgumentFault(`expected one of ${Object.keys(HASHES).join(', ')}, got ${JSON.stringify(values[1])}`);
  return createHash(algorithm).update(printed(values[0])).digest('hex');
};

const merge = ([left, right, isDeep]: readonly Json[]): Json => {
  if (!isJsonObject(left) || !isJsonObject(right) || isDeep !== false) throw new ArgumentFault('expected two objects and false: only shallow merging exists');
  return { ...left, ...right };
};

interface Intrinsic {
  readonly least: number;
  readonly most: number;
  readonly apply: (values: readonly Json[]) => Json;
}

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  'States.Format': { least: 1, most: Infinity, apply: format },
  'States.StringToJson': { least: 1, most: 1, apply: ([value]) => JSON.parse(text(value)) as Json },
  'States.JsonToString': { least: 1, most: 1, apply: ([value]) => JSON.stringify(value) },
  'States.Array': { least: 0, most: Infinity, apply: (values) => values },
  'States.ArrayLength': { least: 1, most: 1, apply: ([value]) => list(value).length },
  'States.ArrayGetItem': { least: 2, most: 2, apply: getItem },
  'States.MathAdd': { least: 2, most: 2, apply: ([a, b]) => integer(a) + integer(b) },
  'States.UUID': { least: 0, most: 0, apply: () => randomUUID() },
  'States.Hash': { least: 2, most: 2, apply: hash },
  'States.JsonMerge': { least: 3, most: 3, apply: merge },
};

const TOKEN = /\s*(?:(States\.\w+)\s*\(|'((?:[^'\\]|\\[^])*)'|(-?\d+(?:\.\d+)?)|(true|false|null)|(\$[^\s,()]*)|([(),]))/y;

interface Cursor {
  at: number;
  readonly source: string;
}

const take = (cursor: Cursor): RegExpExecArray => {
  TOKEN.lastIndex = cursor.at;
  const match = TOKEN.exec(cursor.source);
  if (match === null) throw new Error(`expected a path, a value or an intrinsic function at position ${cursor.at} of ${JSON.stringify(cursor.source)}`);
  cursor.at = TOKEN.lastIndex;
  return match;
};

const compileArgument = (cursor: Cursor, match: RegExpExecArray): Expression => {
  const [, call, string, number, word, path] = match;
  if (call !== undefined) return compileCall(cursor, call);
  if (string !== undefined) {
    const value = string.replaceAll("\\'", "'");
    return () => value;
  }
  if (number !== undefined) return () => Number(number);
  if (word !== undefined) return () => JSON.parse(word) as Json;
  if (path === undefined) throw new Error(`expected an argument before ${JSON.stringify(match[6])} in ${JSON.stringify(cursor.source)}`);
  const compiled = compilePath(path);
  return (scope) => readAt(compiled, scope);
};

const compileArguments = (cursor: Cursor): Expression[] => {
  const found: Expression[] = [];
  let match = take(cursor);
  if (match[6] === ')') return found;
  for (;;) {
    found.push(compileArgument(cursor, match));
    const separator = take(cursor)[6];
    if (separator === ')') return found;
    if (separator !== ',') throw new Error(`expected "," or ")" at position ${cursor.at} of ${JSON.stringify(cursor.source)}`);
    match = take(cursor);
  }
};

const compileCall = (cursor: Cursor, name: string): Expression => {
  const intrinsic = Object.hasOwn(INTRINSICS, name) ? INTRINSICS[name] : undefined;
  if (intrinsic === undefined) throw new Error(`expected one of ${Object.keys(INTRINSICS).join(', ')}, got ${name}`);
  const parameters = compileArguments(cursor);
  const { least, most } = intrinsic;
  if (parameters.length < least || parameters.length > most) throw new Error(`expected ${least === most ? least : `${least} or more`} arguments for ${name}, got ${parameters.length}`);
  return (scope) => evaluate(name, intrinsic, parameters.map((parameter) => parameter(scope)));
};

const evaluate = (name: string, intrinsic: Intrinsic, values: readonly Json[]): Json => {
  try {
    return intrinsic.apply(values);
  } catch (fault) {
    throw new StatesError(StatesErrorName.intrinsicFailure, `${name}: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
};

/** A path or an intrinsic function. @throws Error in one sentence if it is neither, or uses what the interpreter does not know. */
export const compileExpression = (source: string): Expression => {
  if (source.startsWith('$')) {
    const path = compilePath(source);
    return (scope) => readAt(path, scope);
  }
  const cursor: Cursor = { at: 0, source };
  const match = take(cursor);
  if (match[1] === undefined) throw new Error(`expected a path or an intrinsic function, got ${JSON.stringify(source)}`);
  const expression = compileCall(cursor, match[1]);
  if (source.slice(cursor.at).trim() !== '') throw new Error(`expected nothing after the closing bracket, got ${JSON.stringify(source.slice(cursor.at))}`);
  return expression;
};
