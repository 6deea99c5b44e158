import { html, nothing, type TemplateResult } from 'lit-html';

/** What the page reads of an OpenAPI document. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
}

interface ApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly 'x-scope'?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean; readonly description?: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>>;
}

/** The part of JSON Schema that the document uses. */
interface Schema {
  readonly type?: string;
  readonly $ref?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly description?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
}

export function documentView({ info, paths }: ApiDocument): TemplateResult {
  const operations = Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
  return html`
    <header>
      <h1>${info.title}: the API</h1>
      <a href="dashboard">Live page</a>
      <a href="openapi.json">openapi.json</a>
    </header>
    <main>
      <p class="soft">${info.description} Each call carries a key: <code>Authorization: Bearer spw_…</code></p>
      ${operations.map(({ path, method, operation }) => operationView(path, method, operation))}
    </main>
  `;
}

function operationView(path: string, method: string, { operationId, summary, 'x-scope': scope, parameters = [], requestBody, responses }: ApiOperation): TemplateResult {
  const isFailure = (status: string): boolean => Number(status) >= 400;
  return html`
    <details class="card" id=${operationId}>
      <summary><strong>${method.toUpperCase()}</strong> <code>${path}</code> <span class="soft">${scope ?? 'open to anybody'}</span><br />${summary}</summary>
      ${parameters.length === 0 ? nothing : html`<h2>Parameters</h2>${fieldsView(parameters.map(({ name, in: place, required, description, schema }) => ({ name, schema: { ...schema, ...(description !== undefined && { description }) }, note: `${place}${required ? ', required' : ''}` })))}`}
      ${Object.entries(requestBody?.content ?? {}).map(([type, { schema }]) => html`<h2>Body <span class="soft">${type}</span></h2>${schemaView(schema)}`)}
      ${Object.entries(responses).filter(([status]) => !isFailure(status)).map(([status, { description, content = {} }]) => html`<h2>${status} <span class="soft">${description}</span></h2>${Object.values(content).map(({ schema }) => schemaView(schema))}`)}
      <h2>Problems</h2>
      <ul>${Object.entries(responses).filter(([status]) => isFailure(status)).map(([status, { description }]) => html`<li><strong>${status}</strong> ${description}</li>`)}</ul>
    </details>
  `;
}

function schemaView(schema: Schema): TemplateResult {
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices?.some(({ properties }) => properties)) return html`${choices.map((choice) => html`<details><summary>${titleOf(choice)}</summary>${schemaView(choice)}</details>`)}${examplesView(schema)}`;
  if (schema.type === 'array' && schema.items?.properties) return html`<p>A list of:</p>${schemaView(schema.items)}`;
  if (!schema.properties) return html`<p>${describe(schema)}</p>`;
  const { properties, required = [] } = schema;
  return html`${fieldsView(Object.entries(properties).map(([name, of]) => ({ name, schema: of, note: required.includes(name) ? 'required' : '' })))}${examplesView(schema)}`;
}

/** A form of several is named by what is constant in it. */
function titleOf({ properties = {}, description }: Schema): string {
  const constant = Object.entries(properties).find(([, { const: value }]) => value !== undefined);
  const name = constant ? `${constant[0]}: ${String(constant[1].const)}` : 'One form';
  return description === undefined ? name : `${name} (${description})`;
}

const examplesView = ({ examples = [] }: Schema): TemplateResult => html`${examples.map((example) => html`<pre tabindex="0"><code>${JSON.stringify(example, null, 2)}</code></pre>`)}`;

function fieldsView(fields: readonly { readonly name: string; readonly schema: Schema; readonly note: string }[]): TemplateResult {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Fields"><table>
    <thead><tr><th>Name</th><th>Type</th><th>Meaning</th></tr></thead>
    <tbody>${fields.map(({ name, schema, note }) => html`<tr><td><code>${name}</code>${note === '' ? nothing : html` <span class="soft">${note}</span>`}</td><td class="wide">${describe(schema)}</td><td class="wide">${schema.description ?? ''}${innerOf(schema)}</td></tr>`)}</tbody>
  </table></div>`;
}

/** Fields of an object inside, folded away. */
function innerOf(schema: Schema): TemplateResult | typeof nothing {
  const inner = schema.properties ? schema : schema.items?.properties ? schema.items : undefined;
  return inner ? html`<details><summary>Fields</summary>${schemaView(inner)}</details>` : nothing;
}

/** A type and its bounds, in words. */
function describe(schema: Schema): string {
  const { type, const: constant, enum: values, items, additionalProperties, format, pattern, $ref } = schema;
  if (constant !== undefined) return JSON.stringify(constant);
  if (values) return values.map((value) => JSON.stringify(value)).join(' or ');
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.map(describe).join(' or ');
  if ($ref !== undefined) return $ref.split('/').at(-1)!;
  const name = type === 'array' ? `list of ${items ? describe(items) : 'anything'}` : type === 'object' && typeof additionalProperties === 'object' ? `object of ${describe(additionalProperties)}` : (type ?? 'anything');
  const bounds = [rangeOf(schema.minimum, schema.maximum, ''), rangeOf(schema.minLength, schema.maxLength, ' characters'), rangeOf(schema.minItems, schema.maxItems, ' entries'), format, pattern === undefined || format !== undefined ? undefined : pattern, schema.default === undefined ? undefined : `default ${JSON.stringify(schema.default)}`];
  return [name, ...bounds.filter((bound) => bound !== undefined)].join(', ');
}

/** Bounds that only say what a number is are left out. */
function rangeOf(from: number | undefined, to: number | undefined, unit: string): string | undefined {
  const high = to === undefined || to >= Number.MAX_SAFE_INTEGER ? undefined : to;
  const low = from === undefined || from <= Number.MIN_SAFE_INTEGER ? undefined : from;
  if (low === undefined && high === undefined) return undefined;
  if (high === undefined) return `at least ${low}${unit}`;
  return low === undefined ? `at most ${high}${unit}` : `${low} to ${high}${unit}`;
}
