import { isJsonArray, isJsonObject, type Json } from './json.ts';
import { StatesError, StatesErrorName } from './states-error.ts';

/** What a path can see: `$` and `$$`. */
export interface Scope {
  readonly input: Json;
  readonly context: Json;
}

export interface JsonPath {
  readonly text: string;
  readonly root: keyof Scope;
  readonly segments: readonly (string | number)[];
}

const SEGMENT = /\.([A-Za-z_][\w-]*)|\['([^'\\]*)'\]|\[(\d+)\]/y;

/**
 * The subset of JSONPath that names exactly one place: `$`, `$$`, `.name`, `['name']`, `[n]`.
 * @throws Error in one sentence for everything else (filters, slices, wildcards, descent).
 */
export const compilePath = (text: string): JsonPath => {
  const start = text.startsWith('$$') ? 2 : 1;
  if (!text.startsWith('$')) throw new Error(`expected a path that starts with "$", got ${JSON.stringify(text)}`);
  const segments: (string | number)[] = [];
  for (let at = start; at < text.length; at = SEGMENT.lastIndex) {
    SEGMENT.lastIndex = at;
    const match = SEGMENT.exec(text);
    if (match === null) throw new Error(`expected only .name, ['name'] and [n] after "$", got ${JSON.stringify(text.slice(at))} in ${JSON.stringify(text)}`);
    segments.push(match[3] === undefined ? (match[1] ?? match[2] ?? '') : Number(match[3]));
  }
  return { text, root: start === 2 ? 'context' : 'input', segments };
};

const step = (value: Json | undefined, segment: string | number): Json | undefined => {
  if (typeof segment === 'number') return isJsonArray(value) ? value[segment] : undefined;
  return isJsonObject(value) && Object.hasOwn(value, segment) ? value[segment] : undefined;
};

/** @returns undefined where the path leads nowhere. */
export const findAt = (path: JsonPath, scope: Scope): Json | undefined => path.segments.reduce<Json | undefined>(step, scope[path.root]);

/** @throws StatesError `States.Runtime` where the path leads nowhere. */
export const readAt = (path: JsonPath, scope: Scope): Json => {
  const value = findAt(path, scope);
  if (value !== undefined) return value;
  throw new StatesError(StatesErrorName.runtime, `The JSONPath '${path.text}' could not be found in the input '${JSON.stringify(scope.input)}'`);
};

const put = (target: Json | undefined, segments: readonly (string | number)[], value: Json): Json => {
  const [segment, ...rest] = segments;
  if (segment === undefined) return value;
  if (typeof segment === 'number') {
    if (!isJsonArray(target) || segment >= target.length) throw new Error(`there is no element ${segment}`);
    return target.with(segment, put(target[segment], rest, value));
  }
  if (target !== undefined && !isJsonObject(target)) throw new Error(`"${segment}" would have to be put into something that is no object`);
  return { ...target, [segment]: put(target !== undefined && Object.hasOwn(target, segment) ? target[segment] : undefined, rest, value) };
};

/** ResultPath: a copy of `input` with `value` at the path; missing objects on the way are made. @throws StatesError `States.ResultPathMatchFailure` */
export const putAt = (path: JsonPath, input: Json, value: Json): Json => {
  try {
    return put(input, path.segments, value);
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    throw new StatesError(StatesErrorName.resultPathMatchFailure, `Unable to apply ResultPath '${path.text}' to the input: ${reason}`);
  }
};
