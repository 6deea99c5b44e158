import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { inject } from 'vitest';

export const PROJECT_FOLDER = resolve(import.meta.dirname, '../..');

export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
}

export interface Template {
  readonly Parameters: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

/** The template that `synthesise-once.ts` wrote. */
export const readTemplate = (): Template => JSON.parse(readFileSync(inject('synthesis').templatePath, 'utf8')) as Template;

export const resourcesOf = (template: Template, type: string): [id: string, resource: Resource][] =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);

/** A value of the template as text: `Ref` as `Name`, `Fn::GetAtt` as `Name.Attribute`, `Fn::Join` joined. */
export function renderValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as { Ref?: string; 'Fn::GetAtt'?: string[]; 'Fn::Join'?: [string, unknown[]] };
  if (Ref !== undefined) return Ref;
  if (attribute !== undefined) return attribute.join('.');
  if (join !== undefined) return join[1].map(renderValue).join(join[0]);
  throw new Error(`expected a Ref, a Fn::GetAtt or a Fn::Join, got ${JSON.stringify(value)}`);
}

/** Logical ids that a value names, wherever in it. */
export function namesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return [inner as string];
    if (key === 'Fn::GetAtt') return [(inner as string[])[0]!];
    return namesIn(inner);
  });
}
