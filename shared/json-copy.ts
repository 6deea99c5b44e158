import { types } from 'node:util';
import type { JsonObject } from './rows.ts';

export type JsonCopy =
  /** `bytes`: as JSON in UTF-8, without spaces. */
  { readonly ok: true; readonly value: JsonObject; readonly bytes: number } | { readonly ok: false; readonly reason: string };

export interface JsonBounds {
  readonly maxBytes: number;
  /** Objects and arrays within each other, the outermost included. */
  readonly maxDepth: number;
}

/**
 * A plain copy of an object that somebody else's code made: what can be written as JSON and read back as it was, at once and for ever.
 * Reads each property once, so nothing that changes, throws or never ends can do harm later. As in JSON.stringify, `toJSON` is asked and
 * a field that is `undefined` is left out; unlike there, NaN, functions and objects that JSON would empty (a Map) are faults.
 * Never throws: `reason` is a sentence with the place of the fault.
 */
export function copyJsonObject(value: unknown, bounds: JsonBounds): JsonCopy {
  const copier = new Copier(bounds);
  try {
    const copy = copier.copy(value, '', 1);
    if (typeof copy !== 'object' || copy === null || Array.isArray(copy)) return { ok: false, reason: `expected a JSON object, got ${nameOf(copy)}` };
    return { ok: true, value: copy as JsonObject, bytes: copier.bytes };
  } catch (error) {
    return { ok: false, reason: error instanceof NotJson ? error.describe() : `expected a JSON object, reading it failed: ${textOf(error)}` };
  }
}

/** What was thrown as text, whatever it is: at most 2,000 characters. */
export function textOf(thrown: unknown): string {
  try {
    const text: unknown = thrown instanceof Error ? thrown.message : String(thrown);
    return typeof text === 'string' ? text.slice(0, MAX_TEXT_CHARACTERS) : UNREADABLE;
  } catch {
    return UNREADABLE;
  }
}

const MAX_TEXT_CHARACTERS = 2000;
const UNREADABLE = 'something that can\'t be read';
const MAX_PATH_CHARACTERS = 200;

class NotJson extends Error {
  override readonly name = 'NotJson';
  readonly #path: string[] = [];

  within(key: string): this {
    this.#path.unshift(key);
    return this;
  }

  describe(): string {
    const path = this.#path.join('.');
    return `${this.message}${path === '' ? '' : ` at ${path.length > MAX_PATH_CHARACTERS ? `${path.slice(0, MAX_PATH_CHARACTERS)}…` : path}`}`;
  }
}

class Copier {
  readonly #bounds: JsonBounds;
  bytes = 0;

  constructor(bounds: JsonBounds) {
    this.#bounds = bounds;
  }

  copy(given: unknown, key: string, depth: number): unknown {
    const value = unbox(hasToJson(given) ? given.toJSON(key) : given);
    switch (typeof value) {
      case 'string':
        this.#add(Buffer.byteLength(JSON.stringify(value)));
        return value;
      case 'number':
        if (!Number.isFinite(value)) throw new NotJson(`expected JSON, got the number ${value}`);
        this.#add(String(value).length);
        // JSON knows one zero.
        return value + 0;
      case 'boolean':
      case 'undefined':
        this.#add(String(value).length);
        return value;
      case 'object':
        return value === null ? this.#null() : this.#container(value, depth);
      default:
        throw new NotJson(`expected JSON, got ${nameOf(value)}`);
    }
  }

  #null(): null {
    this.#add(4);
    return null;
  }

  #container(value: object, depth: number): unknown {
    // A circle is found here, too.
    if (depth > this.#bounds.maxDepth) throw new NotJson(`expected at most ${this.#bounds.maxDepth} objects and arrays within each other, got more (or a circle)`);
    this.#add(2);
    return Array.isArray(value) ? this.#array(value, depth) : this.#object(value, depth);
  }

  #array(values: readonly unknown[], depth: number): unknown[] {
    const copy: unknown[] = [];
    for (let i = 0; i < values.length; i++) copy.push(this.#member(values, i, depth) ?? null);
    return copy;
  }

  #object(value: object, depth: number): Record<string, unknown> {
    const copy: Record<string, unknown> = {};
    const keys = Object.keys(value);
    if (keys.length === 0 && !isPlain(value)) throw new NotJson(`expected JSON, got ${nameOf(value)}, of which JSON keeps nothing`);
    for (const key of keys) {
      const member = this.#member(value, key, depth);
      if (member === undefined) continue;
      this.#add(Buffer.byteLength(JSON.stringify(key)) + 1);
      // An assignment to `__proto__` would change what the copy is.
      if (key === '__proto__') Object.defineProperty(copy, key, { value: member, enumerable: true, configurable: true, writable: true });
      else copy[key] = member;
    }
    return copy;
  }

  #member(holder: object, key: string | number, depth: number): unknown {
    try {
      this.#add(1);
      return this.copy((holder as Record<string | number, unknown>)[key], String(key), depth + 1);
    } catch (error) {
      const fault = error instanceof NotJson ? error : new NotJson(`expected JSON, reading it failed: ${textOf(error)}`);
      throw fault.within(String(key));
    }
  }

  #add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > this.#bounds.maxBytes) throw new NotJson(`expected at most ${this.#bounds.maxBytes.toLocaleString('en')} bytes of JSON, got more`);
  }
}

/** As JSON.stringify does. */
const unbox = (value: unknown): unknown => (types.isBoxedPrimitive(value) ? value.valueOf() : value);

const hasToJson = (value: unknown): value is { toJSON(key: string): unknown } =>
  typeof value === 'object' && value !== null && typeof (value as { toJSON?: unknown }).toJSON === 'function';

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** `a bigint`, `an array`, `a Map`. */
function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const name: unknown = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? `a ${name.slice(0, 50)}` : 'an object';
}
