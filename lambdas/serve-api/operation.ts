import type { z } from 'zod';
import type { Scope } from '../../shared/api-keys.ts';
import type { JsonObject } from '../../shared/rows.ts';
import type { ApiPorts } from './ports.ts';

/** Who calls: both come from the key alone. */
export interface Caller {
  readonly tenant: string;
  readonly scopes: readonly Scope[];
}

export interface OperationAnswer {
  readonly status: number;
  /** JSON, in the form of the operation's schema for that status; text is sent as it is, with its own `content-type`; undefined: no body. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Shape<Params, Query, Body> {
  /** `operationId` of the document: what a client's method is called. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{name}` for each parameter; `{name+}`, the last, may hold a `/`. */
  readonly path: string;
  readonly summary: string;
  /** Undefined: anybody may call it. */
  readonly scope?: Scope;
  readonly params?: z.ZodType<Params>;
  readonly query?: z.ZodType<Query>;
  readonly body?: z.ZodType<Body>;
  /** The body is `multipart/form-data`: its files come as `FormFile`. */
  readonly isForm?: true;
  /** Says more of the body in the document than its check does, which needs other rules for that. Made only when the document is asked for. */
  readonly bodyDocument?: () => JsonObject;
  /** Header -> what it means; all may be missing. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is answered if all goes well, by status. */
  readonly answers: Readonly<Record<number, { readonly says: string; readonly schema?: z.ZodType; /** @default JSON */ readonly contentType?: string }>>;
  /** Operations that its answer leads to: id -> parameter -> field of the answer. */
  readonly leadsTo?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Statuses of problems that it has beside those that every operation has. */
  readonly problems?: readonly number[];
}

export interface OperationRequest<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface Operation extends Shape<unknown, unknown, unknown> {
  readonly handle: (request: OperationRequest<never, never, never>, ports: ApiPorts) => Promise<OperationAnswer>;
}

/** One route: what the document says and what is checked are the same schemas. */
export function operation<Params = undefined, Query = undefined, Body = undefined>(
  shape: Shape<Params, Query, Body> & { readonly handle: (request: OperationRequest<Params, Query, Body>, ports: ApiPorts) => Promise<OperationAnswer> },
): Operation {
  // What `handle` takes follows from the schemas that its arguments are read with.
  const any: unknown = shape;
  return any as Operation;
}
