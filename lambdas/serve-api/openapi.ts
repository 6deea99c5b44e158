import { z } from 'zod';
import type { JsonObject } from '../../shared/rows.ts';
import { VERSION } from '../../shared/version.ts';
import { operation, type Operation } from './operation.ts';
import { problemSchema } from './schemas.ts';

/** What every operation may answer beside its own. */
const COMMON = { 401: 'No valid key', 403: 'The key lacks the scope', 500: 'A fault of the stack: try again' } as const;
const SAYS: Readonly<Record<number, string>> = {
  ...COMMON,
  400: 'The request has faults: all of them, each with its place',
  404: 'There is no such thing, for this tenant',
  409: 'Not in this state',
  413: 'The body is too large',
  415: 'The body is of another type',
  422: 'The Idempotency-Key stands for another request',
  429: 'Too much: `Retry-After` says when to come again',
};

/** The document that the checks are made from: OpenAPI 3.1. */
export function openApiOperation(operations: readonly Operation[]): Operation {
  const self: Operation = operation({
    id: 'openApi',
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document.',
    answers: { 200: { says: 'OpenAPI 3.1', schema: z.record(z.string(), z.unknown()) } },
    handle: async () => ({ status: 200, body: describe([...operations, self]) }),
  });
  return self;
}

export function describe(operations: readonly Operation[]): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const each of operations) (paths[each.path.replace('+}', '}')] ??= {})[each.method.toLowerCase()] = describeOperation(each);
  return {
    openapi: '3.1.0',
    info: { title: 'Spillway', version: VERSION, description: 'Runs big lists of work: fair between tenants, within every limit, verified to the last item.' },
    // Relative: the stage of the deployment is before it.
    servers: [{ url: '.' }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer', description: 'A key: `spillway keys create`' } },
      schemas: { Problem: schemaOf(problemSchema, 'output') },
    },
  };
}

function describeOperation({ id, summary, scope, params, query, body, headers = {}, answers, problems = [], leadsTo, bodyDocument, isForm }: Operation): JsonObject {
  const takes = params !== undefined || query !== undefined || body !== undefined || Object.keys(headers).length > 0;
  const failures = [...new Set([...(takes ? [400] : []), ...(scope === undefined ? [] : [401, 403]), ...problems, 500])].toSorted((a, b) => a - b);
  const parameters = [...parametersOf(params, 'path'), ...parametersOf(query, 'query'), ...Object.entries(headers).map(([name, description]) => ({ name, in: 'header', description, schema: { type: 'string', pattern: '^[!-~]{1,200}$' } }))];
  return {
    operationId: id,
    summary,
    ...(scope !== undefined && { security: [{ key: [] }], 'x-scope': scope }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: !body.safeParse({}).success, content: { [isForm ? 'multipart/form-data' : 'application/json']: { schema: bodyDocument?.() ?? schemaOf(body, 'input') } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, { says, schema, contentType = 'application/json' }]) => [status, { description: says, ...(schema && { content: { [contentType]: { schema: schemaOf(schema, 'output') } } }), ...(leadsTo && { links: linksOf(leadsTo) }) }])),
      ...Object.fromEntries(failures.map((status) => [status, { description: SAYS[status] ?? 'A problem', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } }])),
    },
  };
}

const linksOf = (leadsTo: NonNullable<Operation['leadsTo']>): JsonObject =>
  Object.fromEntries(Object.entries(leadsTo).map(([operationId, fields]) => [operationId, { operationId, parameters: Object.fromEntries(Object.entries(fields).map(([parameter, field]) => [parameter, `$response.body#/${field}`])) }]));

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): JsonObject[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as { properties?: Record<string, JsonObject>; required?: readonly string[] };
  return Object.entries(properties).map(([name, of]) => ({ name, in: place, required: place === 'path' || required.includes(name), schema: of }));
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
