import type { JsonObject } from '../../shared/rows.ts';

const PLACEHOLDER = /\{\{\s*([\p{L}_][\p{L}\p{N}_-]*)\s*\}\}/gu;

/** Names of the variables that a template asks for, in order, each once. */
export const variablesIn = (template: string): string[] => [...new Set([...template.matchAll(PLACEHOLDER)].map(([, name]) => name!))];

/** Fills in a template, once: what a value holds is never a placeholder again. Lists become `a, b, c`; a value that is missing nothing. */
export const fillIn = (template: string, values: JsonObject): string => template.replaceAll(PLACEHOLDER, (_, name: string) => textOf(values[name]));

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
