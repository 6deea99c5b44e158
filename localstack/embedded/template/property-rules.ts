import type { FaultList } from './faults.ts';
import { isRecord, show, type JsonRecord } from './json.ts';

/** What the embedded stack makes of a property. Whatever has no rule is refused: nothing is ignored silently. */
export type PropertyRule =
  /** Acted on, or kept as data. */
  | 'handled'
  /** Known to change nothing offline; the text says why. */
  | { readonly noEffect: string }
  /** Only these values can be had offline. */
  | { readonly only: readonly unknown[] }
  | { readonly fields: Readonly<Record<string, PropertyRule>> }
  | { readonly items: PropertyRule };

/** Checks resolved properties against their rules. Every property without a rule and every value that can't be had is a fault. */
export function checkProperties(where: string, properties: JsonRecord, rules: Readonly<Record<string, PropertyRule>>, faults: FaultList): void {
  for (const [name, value] of Object.entries(properties)) {
    const rule = rules[name];
    if (rule === undefined) faults.add(`${where}.${name}`, 'this property is not known offline; add it to resource-types.ts, or take it out of the template');
    else checkValue(`${where}.${name}`, value, rule, faults);
  }
}

function checkValue(where: string, value: unknown, rule: PropertyRule, faults: FaultList): void {
  if (rule === 'handled' || 'noEffect' in rule) return;
  if ('only' in rule) {
    if (!rule.only.includes(value)) faults.add(where, `expected ${rule.only.map(show).join(' or ')} offline, got ${show(value)}`);
  } else if ('fields' in rule) {
    if (isRecord(value)) checkProperties(where, value, rule.fields, faults);
    else faults.add(where, `expected an object, got ${show(value)}`);
  } else if (Array.isArray(value)) value.forEach((item, i) => checkValue(`${where}[${i}]`, item, rule.items, faults));
  else faults.add(where, `expected a list, got ${show(value)}`);
}
