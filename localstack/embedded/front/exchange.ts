import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../contracts.ts';
import type { ResourceCall } from './object-request.ts';

/** One request whose caller is known. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly principal: Principal;
  /** Notes the permissions that the call needed, and those that only the answer 404 needs. */
  readonly report: (calls: readonly ResourceCall[], ifAbsent?: readonly ResourceCall[]) => void;
}
