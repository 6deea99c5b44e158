import type { z } from 'zod';
import { isValidKey, parseKey, type KeyRecord } from '../../shared/api-keys.ts';
import type { Caller, Operation, OperationAnswer } from './operation.ts';
import { OPERATIONS } from './operations.ts';
import type { ApiPorts } from './ports.ts';
import { readForm } from './read-form.ts';
import { Problem, problemBody, type FieldError } from './problem.ts';

export interface ApiRequest {
  readonly method: string;
  /** Without the stage, beginning with `/`. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** undefined: none. */
  readonly body: string | Uint8Array | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: no body. */
  readonly body?: string;
}

/** What API Gateway and Lambda hand on, both ways, with room for the rest of the event: larger work is uploaded. */
export const MAX_BODY_BYTES = 5 * 1024 * 1024;

/** Answers one request; never rejects. A fault of the stack is a 500 that says nothing of it. */
export async function serveApi(request: ApiRequest, ports: ApiPorts): Promise<ApiAnswer> {
  try {
    const { found, params } = findOperation(request);
    const caller = await authorise(found, request, ports);
    const read = await readRequest(found, params, request);
    return write(await found.handle({ ...read, caller, headers: request.headers } as never, ports));
  } catch (error) {
    if (error instanceof Problem) return writeProblem(error);
    ports.onError(error);
    return writeProblem(new Problem(500, 'something went wrong here; the same request may succeed later'));
  }
}

/** @throws Problem 404, or 405 with the methods that there are */
function findOperation({ method, path }: ApiRequest): { readonly found: Operation; readonly params: Readonly<Record<string, string>> } {
  const matches = OPERATIONS.flatMap((found) => {
    const params = matchPath(found.path, path);
    return params ? [{ found, params }] : [];
  });
  if (matches.length === 0) throw new Problem(404, `there is no ${path}; /openapi.json lists what there is`);
  const match = matches.find(({ found }) => found.method === method);
  if (!match) throw new MethodProblem(method, [...new Set(matches.map(({ found }) => found.method))]);
  return match;
}

class MethodProblem extends Problem {
  readonly allow: readonly string[];
  constructor(method: string, allow: readonly string[]) {
    super(405, `expected ${allow.join(' or ')}, got ${method}`);
    this.allow = allow;
  }
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const parts = path.split('/');
  const got = pattern.endsWith('+}') && parts.length > wanted.length ? [...parts.slice(0, wanted.length - 1), parts.slice(wanted.length - 1).join('/')] : parts;
  if (wanted.length !== got.length) return undefined;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const name = /^\{(\w+)\+?\}$/.exec(part)?.[1];
    if (name === undefined ? part !== got[i] : got[i] === '') return undefined;
    if (name !== undefined) params[name] = decode(got[i]!);
  }
  return params;
}

/** API Gateway may have decoded it already. */
function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const ANYBODY: Caller = { tenant: '', scopes: [] };
const CHALLENGE = 'Bearer realm="spillway"';

async function authorise({ scope }: Operation, { headers }: ApiRequest, { keys, clock }: ApiPorts): Promise<Caller> {
  if (scope === undefined) return ANYBODY;
  const key = await findKey(headers['authorization'], keys, clock());
  if (!key) throw new Problem(401, 'expected a key that is valid: `Authorization: Bearer spw_…`');
  if (!key.scopes.includes(scope)) throw new Problem(403, `expected a key with the scope ${scope}, this one has ${key.scopes.join(', ') || 'none'}`);
  return { tenant: key.tenant, scopes: key.scopes };
}

async function findKey(authorization: string | undefined, keys: ApiPorts['keys'], now: number): Promise<KeyRecord | undefined> {
  const given = parseKey(/^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
  const record = given && (await keys.read(given.id));
  return record && isValidKey(record, given.secret, now) ? record : undefined;
}

/** @throws Problem 400 with every fault */
async function readRequest({ params, query, body, isForm, headers = {} }: Operation, pathParams: Readonly<Record<string, string>>, request: ApiRequest): Promise<{ readonly params: unknown; readonly query: unknown; readonly body: unknown }> {
  const errors: FieldError[] = [];
  const read = {
    params: check(params, pathParams, 'path', errors),
    query: checkQuery(query, request.query, errors),
    body: body && check(body, await (isForm ? readForm : readBody)(request, errors), 'body', errors),
  };
  for (const name of Object.keys(headers)) {
    const value = request.headers[name.toLowerCase()];
    if (value !== undefined && !/^[\x21-\x7E]{1,200}$/.test(value)) errors.push({ in: 'header', pointer: `/${name}`, detail: 'expected 1 to 200 printable characters without spaces' });
  }
  if (errors.length > 0) throw new Problem(400, `the request has ${errors.length === 1 ? 'a fault' : `${errors.length} faults`}: ${errors[0]!.in} ${errors[0]!.pointer || '/'}: ${errors[0]!.detail}`, { errors });
  return read;
}

function checkQuery(schema: z.ZodType | undefined, given: Readonly<Record<string, string>>, errors: FieldError[]): unknown {
  if (schema) return check(schema, given, 'query', errors);
  for (const name of Object.keys(given)) errors.push({ in: 'query', pointer: `/${escapePointer(name)}`, detail: 'there is no such parameter' });
  return undefined;
}

function check(schema: z.ZodType | undefined, value: unknown, place: FieldError['in'], errors: FieldError[]): unknown {
  if (!schema || errors.some((error) => error.in === place)) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const { path, message, ...issue } of parsed.error.issues) {
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    for (const name of unknown) errors.push({ in: place, pointer: [...path, ...(name === undefined ? [] : [name])].map((part) => `/${escapePointer(String(part))}`).join(''), detail: name === undefined ? message : 'there is no such field' });
  }
  return undefined;
}

const escapePointer = (text: string): string => text.replaceAll('~', '~0').replaceAll('/', '~1');

function readBody({ headers, body = '' }: ApiRequest, errors: FieldError[]): unknown {
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) throw new Problem(413, `expected a body of at most ${MAX_BODY_BYTES} bytes: larger work comes as an upload, \`POST /v1/uploads\``);
  const type = headers['content-type'] ?? 'application/json';
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type)) throw new Problem(415, `expected application/json, got ${type.slice(0, 100)}`);
  const text = typeof body === 'string' ? body : Buffer.from(body).toString();
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    errors.push({ in: 'body', pointer: '', detail: `expected JSON: ${(error as SyntaxError).message}` });
    return undefined;
  }
}

const write = ({ status, body, headers = {} }: OperationAnswer): ApiAnswer => ({
  status,
  headers: { ...(body !== undefined && { 'content-type': 'application/json' }), 'cache-control': 'no-store', ...headers },
  ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
});

function writeProblem(problem: Problem): ApiAnswer {
  const { status, retryAfterSeconds } = problem;
  const headers = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    ...(status === 401 && { 'www-authenticate': CHALLENGE }),
    ...(problem instanceof MethodProblem && { allow: problem.allow.join(', ') }),
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
  };
  return { status, headers, body: JSON.stringify(problemBody(problem)) };
}
