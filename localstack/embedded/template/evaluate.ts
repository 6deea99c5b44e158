import type { FaultList } from './faults.ts';
import { isRecord, listOf, recordOf, show, type JsonRecord } from './json.ts';

/** What the intrinsic functions of a template may look up. */
export interface Lookups {
  /** Ref of a parameter, a pseudo parameter or a resource; undefined if there is none of that name. */
  ref(name: string): unknown;
  /** Fn::GetAtt; undefined if the resource or the attribute does not exist. */
  attribute(logicalId: string, name: string): unknown;
  condition(name: string): boolean | undefined;
  readonly mappings: JsonRecord;
}

/** The value of `AWS::NoValue`: the property that has it is left out. */
export const NO_VALUE = Symbol('AWS::NoValue');

/** Resolves CloudFormation's intrinsic functions; what can't be resolved becomes a fault and reads as ''. */
export class Evaluator {
  readonly #lookups: Lookups;
  readonly #faults: FaultList;

  constructor(lookups: Lookups, faults: FaultList) {
    this.#lookups = lookups;
    this.#faults = faults;
  }

  /** @param where logical id and property path, for faults */
  evaluate(value: unknown, where: string): unknown {
    if (Array.isArray(value)) return value.map((part, i) => this.evaluate(part, `${where}[${i}]`)).filter((part) => part !== NO_VALUE);
    if (!isRecord(value)) return value;
    const [name, argument] = soleIntrinsic(value) ?? [];
    if (name !== undefined) return this.#call(name, argument, where);
    const fields = Object.entries(value).map(([key, part]) => [key, this.evaluate(part, `${where}.${key}`)] as const);
    return Object.fromEntries(fields.filter(([, part]) => part !== NO_VALUE));
  }

  evaluateCondition(value: unknown, where: string): boolean {
    const [name, argument] = Object.entries(recordOf(value))[0] ?? [];
    const parts = listOf(argument);
    switch (name) {
      case 'Condition':
        return this.#condition(argument, where);
      case 'Fn::Equals':
        return String(this.evaluate(parts[0], where)) === String(this.evaluate(parts[1], where));
      case 'Fn::And':
        return parts.map((part) => this.evaluateCondition(part, where)).every(Boolean);
      case 'Fn::Or':
        return parts.map((part) => this.evaluateCondition(part, where)).some(Boolean);
      case 'Fn::Not':
        return !this.evaluateCondition(parts[0], where);
      default:
        this.#faults.add(where, `expected Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, got ${show(value)}`);
        return false;
    }
  }

  #call(name: string, argument: unknown, where: string): unknown {
    const intrinsic = this.#intrinsics[name];
    return intrinsic ? intrinsic(argument, where) : this.#fault(where, `the function ${name} is not known offline`);
  }

  readonly #intrinsics: Readonly<Record<string, (argument: unknown, where: string) => unknown>> = {
    Ref: (argument, where) => this.#ref(String(argument), where),
    'Fn::GetAtt': (argument, where) => this.#getAtt(argument, where),
    'Fn::Sub': (argument, where) => this.#sub(argument, where),
    'Fn::Join': (argument, where) => {
      const [separator, parts] = listOf(argument);
      return listOf(this.evaluate(parts, where)).map(String).join(String(separator));
    },
    'Fn::Split': (argument, where) => {
      const [separator, text] = listOf(argument);
      return String(this.evaluate(text, where)).split(String(separator));
    },
    'Fn::Select': (argument, where) => {
      const [index, list] = listOf(this.evaluate(argument, where));
      return listOf(list)[Number(index)] ?? this.#fault(where, `Fn::Select found nothing at ${show(index)} of ${show(list)}`);
    },
    'Fn::If': (argument, where) => {
      const [condition, then, otherwise] = listOf(argument);
      return this.evaluate(this.#condition(condition, where) ? then : otherwise, where);
    },
    'Fn::FindInMap': (argument, where) => {
      const [map, first, second] = listOf(this.evaluate(argument, where)).map(String);
      const found = recordOf(recordOf(this.#lookups.mappings[map ?? ''])[first ?? ''])[second ?? ''];
      return found ?? this.#fault(where, `Fn::FindInMap found nothing at ${show([map, first, second])}`);
    },
    'Fn::Base64': (argument, where) => Buffer.from(String(this.evaluate(argument, where))).toString('base64'),
  };

  #ref(name: string, where: string): unknown {
    if (name === 'AWS::NoValue') return NO_VALUE;
    return this.#lookups.ref(name) ?? this.#fault(where, `Ref to ${show(name)}, which is neither a resource nor a parameter of this template`);
  }

  #getAtt(argument: unknown, where: string): unknown {
    const [logicalId = '', ...rest] = Array.isArray(argument) ? argument.map(String) : String(argument).split('.');
    const name = rest.join('.');
    const found = this.#lookups.attribute(logicalId, name);
    if (found !== undefined) return found;
    const known = this.#lookups.ref(logicalId) !== undefined;
    return this.#fault(where, known ? `Fn::GetAtt of ${logicalId}: no attribute ${show(name)} offline` : `Fn::GetAtt of ${show(logicalId)}, which is no resource of this template`);
  }

  #sub(argument: unknown, where: string): string {
    const parts: readonly unknown[] = Array.isArray(argument) ? argument : [argument, {}];
    const [text, own] = parts;
    const variables = recordOf(own);
    return String(text).replace(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      const key = name.trim();
      if (key in variables) return String(this.evaluate(variables[key], where));
      return String(key.includes('.') ? this.#getAtt(key, where) : this.#ref(key, where));
    });
  }

  #condition(name: unknown, where: string): boolean {
    const holds = this.#lookups.condition(String(name));
    if (holds === undefined) this.#faults.add(where, `there is no condition ${show(name)}`);
    return holds ?? false;
  }

  #fault(where: string, what: string): string {
    this.#faults.add(where, what);
    return '';
  }
}

/** CloudFormation: a function stands alone in its object. */
function soleIntrinsic(value: JsonRecord): [string, unknown] | undefined {
  const entries = Object.entries(value);
  const [name, argument] = entries.length === 1 ? entries[0]! : [];
  return name === 'Ref' || name?.startsWith('Fn::') ? [name, argument] : undefined;
}

/** Logical ids that a value refers to, without resolving anything. */
export function referencesIn(value: unknown): Set<string> {
  const found = new Set<string>();
  collectReferences(value, found);
  return found;
}

function collectReferences(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) return value.forEach((part) => collectReferences(part, found));
  if (!isRecord(value)) return;
  const [name, argument] = soleIntrinsic(value) ?? [];
  if (name === 'Ref') found.add(String(argument));
  else if (name === 'Fn::GetAtt') found.add(Array.isArray(argument) ? String(argument[0]) : String(argument).split('.')[0]!);
  else {
    if (name === 'Fn::Sub') for (const [, id] of String(Array.isArray(argument) ? argument[0] : argument).matchAll(/\$\{([^!.}]+)/g)) found.add(id!.trim());
    Object.values(value).forEach((part) => collectReferences(part, found));
  }
}
