import { isRecord, show, type JsonRecord } from '../template/json.ts';

/**
 * EventBridge's event patterns: a field matches if one of its values does; a field that is a list matches if one of its elements does.
 * Known: exact values, `prefix`, `suffix`, `anything-but` (also with `prefix`, `suffix`), `exists`, `numeric`, `equals-ignore-case`.
 */
export function matchesPattern(pattern: JsonRecord, event: unknown): boolean {
  return Object.entries(pattern).every(([key, wanted]) => {
    const value = isRecord(event) ? event[key] : undefined;
    return Array.isArray(wanted) ? matchesField(wanted, value) : matchesPattern(wanted as JsonRecord, value);
  });
}

function matchesField(wanted: readonly unknown[], value: unknown): boolean {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return wanted.some((matcher) => values.some((candidate) => matchesValue(matcher, candidate)));
}

function matchesValue(matcher: unknown, value: unknown): boolean {
  if (!isRecord(matcher)) return value !== undefined && matcher === value;
  const [kind, argument] = Object.entries(matcher)[0]!;
  return MATCHERS[kind]!(argument, value);
}

type Matcher = (argument: unknown, value: unknown) => boolean;

const MATCHERS: Readonly<Record<string, Matcher>> = {
  // EventBridge: `exists` looks at leaves only; an object is none.
  exists: (argument, value) => (value !== undefined && !isRecord(value)) === argument,
  prefix: (argument, value) => typeof value === 'string' && value.startsWith(String(argument)),
  suffix: (argument, value) => typeof value === 'string' && value.endsWith(String(argument)),
  'equals-ignore-case': (argument, value) => typeof value === 'string' && value.toLowerCase() === String(argument).toLowerCase(),
  numeric: (argument, value) => typeof value === 'number' && numericPairs(argument).every(([operator, bound]) => COMPARISONS[operator]!(value, bound)),
  'anything-but': (argument, value) => {
    if (value === undefined) return false;
    if (isRecord(argument)) return !matchesValue(argument, value);
    return ![argument].flat().includes(value);
  },
};

const COMPARISONS: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '=': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
};

const numericPairs = (argument: unknown): [string, number][] => {
  const parts = argument as readonly unknown[];
  return parts.flatMap((part, i) => (i % 2 === 0 ? [[String(part), Number(parts[i + 1])] as [string, number]] : []));
};

export interface PatternFault {
  /** Below the pattern, such as `.detail.size[0]`. */
  readonly path: string;
  readonly what: string;
}

/** Everything in a pattern that `matchesPattern` can't act on. */
export function findPatternFaults(pattern: unknown, path = ''): PatternFault[] {
  if (Array.isArray(pattern)) return pattern.length === 0 ? [{ path, what: 'expected at least one value' }] : pattern.flatMap((matcher, i) => matcherFaults(matcher, `${path}[${i}]`));
  if (!isRecord(pattern)) return [{ path, what: `expected an object or a list of values, got ${show(pattern)}` }];
  if (Object.keys(pattern).length === 0) return [{ path, what: 'expected at least one field' }];
  return Object.entries(pattern).flatMap(([key, part]) => findPatternFaults(part, `${path}.${key}`));
}

function matcherFaults(matcher: unknown, path: string): PatternFault[] {
  if (Array.isArray(matcher)) return [{ path, what: 'expected a value or one matcher, got a list' }];
  if (!isRecord(matcher)) return [];
  const entries = Object.entries(matcher);
  const [kind = '', argument] = entries[0] ?? [];
  if (entries.length !== 1 || !(kind in MATCHERS)) return [{ path, what: `expected one of the matchers ${Object.keys(MATCHERS).join(', ')}, got ${show(matcher)}` }];
  if (kind === 'numeric' && !isNumeric(argument)) return [{ path, what: `expected [operator, number, ...] for numeric, got ${show(argument)}` }];
  return kind === 'anything-but' && isRecord(argument) ? matcherFaults(argument, `${path}.${kind}`) : [];
}

const isNumeric = (argument: unknown): boolean =>
  Array.isArray(argument) && argument.length > 0 && argument.length % 2 === 0 && argument.every((part, i) => (i % 2 === 0 ? String(part) in COMPARISONS : typeof part === 'number'));
