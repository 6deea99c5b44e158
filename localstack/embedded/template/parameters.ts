import type { FaultList } from './faults.ts';
import { listOf, recordOf, show, type JsonRecord } from './json.ts';

/** Settles the template's parameters: given value, else default; faults for what is missing, unknown or not allowed. */
export function settleParameters(template: JsonRecord, given: Readonly<Record<string, string>>, faults: FaultList): ReadonlyMap<string, unknown> {
  const declared = recordOf(template['Parameters']);
  for (const name of Object.keys(given)) {
    if (!(name in declared)) {
      faults.add(`Parameters.${name}`, `there is no such parameter; the template declares ${Object.keys(declared).join(', ') || 'none'}`);
    }
  }
  return new Map(Object.entries(declared).map(([name, declaration]) => [name, settleOne(name, recordOf(declaration), given[name], faults)]));
}

function settleOne(name: string, declaration: JsonRecord, given: string | undefined, faults: FaultList): unknown {
  const where = `Parameters.${name}`;
  const value = given ?? declaration['Default'];
  if (value === undefined) {
    faults.add(where, 'it has no default, so a value must be given');
    return '';
  }
  const text = String(value);
  checkText(where, declaration, text, faults);
  if (declaration['Type'] === 'Number') checkNumber(where, declaration, text, faults);
  const isList = declaration['Type'] === 'CommaDelimitedList' || String(declaration['Type']).startsWith('List<');
  return isList ? text.split(',').map((part) => part.trim()) : text;
}

function checkText(where: string, declaration: JsonRecord, text: string, faults: FaultList): void {
  const pattern = declaration['AllowedPattern'];
  const hint = typeof declaration['ConstraintDescription'] === 'string' ? ` (${declaration['ConstraintDescription']})` : '';
  if (typeof pattern === 'string' && !new RegExp(`^(?:${pattern})$`).test(text)) {
    faults.add(where, `expected text that matches ${pattern}${hint}, got ${show(text)}`);
  }
  const allowed = listOf(declaration['AllowedValues']).map(String);
  if (allowed.length > 0 && !allowed.includes(text)) faults.add(where, `expected one of ${allowed.join(', ')}${hint}, got ${show(text)}`);
  const { MinLength: min = 0, MaxLength: max = Infinity } = declaration;
  if (text.length < Number(min) || text.length > Number(max)) faults.add(where, `expected ${min} to ${max} characters${hint}, got ${text.length}`);
}

function checkNumber(where: string, declaration: JsonRecord, text: string, faults: FaultList): void {
  const { MinValue: min = -Infinity, MaxValue: max = Infinity } = declaration;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= Number(min) && value <= Number(max))) faults.add(where, `expected a number from ${min} to ${max}, got ${show(text)}`);
}
