import { isObject, type Json } from './json.ts';
import { compilePath, findAt, readAt, type JsonPath, type Scope } from './json-path.ts';
import { StatesError, StatesErrorName } from './states-error.ts';

export type ChoiceRule = (scope: Scope) => boolean;

type Compare = (order: number) => boolean;
const ORDERS: Readonly<Record<string, Compare>> = {
  Equals: (order) => order === 0,
  LessThan: (order) => order < 0,
  GreaterThan: (order) => order > 0,
  LessThanEquals: (order) => order <= 0,
  GreaterThanEquals: (order) => order >= 0,
};

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const isTimestamp = (value: Json): value is string => typeof value === 'string' && RFC3339.test(value) && !Number.isNaN(Date.parse(value));

/** A value of the operator's own type as something that `<` orders; undefined for another type: the rule is then false. */
const KINDS: Readonly<Record<string, (value: Json) => string | number | undefined>> = {
  String: (value) => (typeof value === 'string' ? value : undefined),
  Numeric: (value) => (typeof value === 'number' ? value : undefined),
  Boolean: (value) => (typeof value === 'boolean' ? Number(value) : undefined),
  Timestamp: (value) => (isTimestamp(value) ? Date.parse(value) : undefined),
};

const TYPE_TESTS: Readonly<Record<string, (value: Json) => boolean>> = {
  IsNull: (value) => value === null,
  IsNumeric: (value) => typeof value === 'number',
  IsString: (value) => typeof value === 'string',
  IsBoolean: (value) => typeof value === 'boolean',
  IsTimestamp: isTimestamp,
};

const COMPARISON = /^(String|Numeric|Boolean|Timestamp)(Equals|LessThan|GreaterThan|LessThanEquals|GreaterThanEquals)(Path)?$/;

const readVariable = (path: JsonPath, scope: Scope): Json => {
  const value = findAt(path, scope);
  if (value !== undefined) return value;
  throw new StatesError(StatesErrorName.runtime, `Invalid path '${path.text}': The choice state's condition path references an invalid value.`);
};

const escapeLiteral = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);

/** `*` stands for any characters, `\*` for itself. */
const compileWildcard = (pattern: string): RegExp => {
  const pieces = pattern.match(/\\[*\\]|[^]/gu) ?? [];
  return new RegExp(`^${pieces.map((piece) => (piece === '*' ? '[^]*' : escapeLiteral(piece.length > 1 && piece.startsWith('\\') ? piece.slice(1) : piece))).join('')}$`, 'u');
};

const compileComparison = (variable: JsonPath, match: RegExpExecArray, operand: unknown): ChoiceRule => {
  const [operator, kindName = '', orderName = '', isPath] = match;
  const kind = KINDS[kindName];
  const compare = ORDERS[orderName];
  if (kind === undefined || compare === undefined || (kindName === 'Boolean' && orderName !== 'Equals')) throw new Error(`expected an operator that exists, got ${operator}`);
  if (isPath !== undefined) {
    if (typeof operand !== 'string') throw new Error(`expected ${operator} to hold a path, got ${JSON.stringify(operand)}`);
    const other = compilePath(operand);
    return (scope) => compares(kind(readVariable(variable, scope)), kind(readAt(other, scope)), compare);
  }
  const fixed = kind(operand as Json);
  if (fixed === undefined) throw new Error(`expected ${operator} to hold a ${kindName.toLowerCase()}, got ${JSON.stringify(operand)}`);
  return (scope) => compares(kind(readVariable(variable, scope)), fixed, compare);
};

const compares = (left: string | number | undefined, right: string | number | undefined, compare: Compare): boolean =>
  left !== undefined && right !== undefined && compare(left < right ? -1 : left > right ? 1 : 0);

const compileTest = (variable: JsonPath, operator: string, operand: unknown): ChoiceRule => {
  const match = COMPARISON.exec(operator);
  if (match !== null) return compileComparison(variable, match, operand);
  if (operator === 'StringMatches' && typeof operand === 'string') {
    const pattern = compileWildcard(operand);
    return (scope) => {
      const value = readVariable(variable, scope);
      return typeof value === 'string' && pattern.test(value);
    };
  }
  if (typeof operand !== 'boolean') throw new Error(`expected an operator that exists with an operand of its type, got ${operator}: ${JSON.stringify(operand)}`);
  if (operator === 'IsPresent') return (scope) => (findAt(variable, scope) !== undefined) === operand;
  const test = Object.hasOwn(TYPE_TESTS, operator) ? TYPE_TESTS[operator] : undefined;
  if (test === undefined) throw new Error(`expected an operator that exists, got ${operator}`);
  return (scope) => test(readVariable(variable, scope)) === operand;
};

const compileRules = (operator: string, value: unknown): ChoiceRule[] => {
  if (!Array.isArray(value) || value.length === 0) throw new Error(`expected ${operator} to hold a list of rules, got ${JSON.stringify(value)}`);
  return value.map(compileChoiceRule);
};

/** One rule of a Choice state without its `Next`. @throws Error in one sentence for an unknown operator, field or path. */
export const compileChoiceRule = (value: unknown): ChoiceRule => {
  if (!isObject(value)) throw new Error(`expected a choice rule, got ${JSON.stringify(value)}`);
  const { Variable: variable, ...tests } = value;
  const [[operator, operand] = [undefined, undefined], ...others] = Object.entries(tests);
  if (operator === undefined || others.length > 0) throw new Error(`expected one operator in a choice rule, got ${Object.keys(tests).join(', ') || 'none'}`);
  if (variable !== undefined) {
    if (typeof variable !== 'string') throw new Error(`expected Variable to hold a path, got ${JSON.stringify(variable)}`);
    return compileTest(compilePath(variable), operator, operand);
  }
  if (operator === 'Not') {
    const rule = compileChoiceRule(operand);
    return (scope) => !rule(scope);
  }
  if (operator !== 'And' && operator !== 'Or') throw new Error(`expected Variable beside ${operator}`);
  const rules = compileRules(operator, operand);
  return operator === 'And' ? (scope) => rules.every((rule) => rule(scope)) : (scope) => rules.some((rule) => rule(scope));
};
