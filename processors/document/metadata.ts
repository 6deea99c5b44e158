import type { JsonObject } from '../../shared/rows.ts';

const MAX_CHARACTERS = 1_000;

/** One line of text, or undefined: metadata comes from strangers and stands in every result. */
export function cleanValue(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const line = value.slice(0, 4 * MAX_CHARACTERS).replace(/[\s\p{Cc}]+/gu, ' ').trim();
  return line === '' ? undefined : line.slice(0, MAX_CHARACTERS).replace(/[\uD800-\uDBFF]$/, '').toWellFormed();
}

/** BCP 47 (RFC 5646) in its usual forms. */
export function cleanLanguage(value: unknown): string | undefined {
  const line = cleanValue(value);
  return line !== undefined && /^[a-z]{2,3}(?:-[a-z0-9]{1,8})*$/i.test(line) ? line : undefined;
}

/** ISO 8601 UTC, or undefined for what is no time. */
export function cleanTime(value: Date | string | null | undefined): string | undefined {
  const time = typeof value === 'string' ? new Date(value) : value;
  return time instanceof Date && Number.isFinite(time.getTime()) ? time.toISOString() : undefined;
}

/** Without the fields that have no value. */
export const compact = <T extends JsonObject>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as { [K in keyof T]?: Exclude<T[K], undefined> };
