import type { FaultList } from './faults.ts';
import { recordOf, show } from './json.ts';
import type { ResolvedResource } from './resolve.ts';
import type { MachinePlan } from './stack-plan.ts';

const PLACEHOLDER = /\$\{([A-Za-z0-9_]+)\}/g;

/** Reads a state machine's definition, wherever the template has it, and puts the substitutions in. */
export function planMachine(resource: ResolvedResource, readAsset: (key: string) => string | undefined, faults: FaultList): MachinePlan {
  const { logicalId, ref, properties } = resource;
  const where = `${logicalId}.Properties`;
  const text = definitionText(resource, readAsset);
  if (text === undefined) faults.add(`${where}.DefinitionString`, 'expected DefinitionString, Definition, or a DefinitionS3Location whose asset is in the synthesised folder');
  const substitutions = recordOf(properties['DefinitionSubstitutions']);
  checkSubstitutions(text ?? '', Object.keys(substitutions), where, faults);
  const whole = (text ?? '{}').replace(PLACEHOLDER, (_, name: string) => JSON.stringify(String(substitutions[name] ?? '')).slice(1, -1));
  return { logicalId, arn: ref, definition: parse(whole, `${where}.DefinitionString`, faults) };
}

function definitionText({ properties }: ResolvedResource, readAsset: (key: string) => string | undefined): string | undefined {
  const { DefinitionString: text, Definition: object, DefinitionS3Location: location } = properties;
  if (typeof text === 'string') return text;
  return object === undefined ? readAsset(String(recordOf(location)['Key'])) : JSON.stringify(object);
}

function checkSubstitutions(text: string, given: readonly string[], where: string, faults: FaultList): void {
  const asked = new Set([...text.matchAll(PLACEHOLDER)].map(([, name]) => name!));
  for (const name of asked) if (!given.includes(name)) faults.add(`${where}.DefinitionSubstitutions`, `the definition asks for \${${name}}, which is not given`);
  for (const name of given) if (!asked.has(name)) faults.add(`${where}.DefinitionSubstitutions.${name}`, 'the definition does not ask for it');
}

function parse(text: string, where: string, faults: FaultList): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    faults.add(where, `expected JSON, got ${show(text)}: ${String(error)}`);
    return {};
  }
}
