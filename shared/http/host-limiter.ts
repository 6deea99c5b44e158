import type { CallEnd, Held } from '../limiter.ts';
import type { RateTable } from '../limiting/rate-table.ts';

/** Keeps every host within its rate and its connections, over all workers together. */
export interface HostLimiter {
  /** Waits a few seconds at most. What was admitted starts now: no other wait may come in between. */
  admit(request: AdmissionRequest): Promise<Admission>;
  /** Gives all connections back that no request uses. Call it at the end of a batch: a frozen worker can't. */
  release(): Promise<void>;
}

export interface AdmissionRequest {
  /** As in a URL: with the port, if it is not the scheme's own. */
  readonly host: string;
  /** robots.txt asks for at least this many seconds between requests. */
  readonly crawlDelaySeconds?: number;
  readonly signal: AbortSignal;
  /** Whose request it is, for limits of tenants and groups. */
  readonly tenant?: string;
  readonly group?: string;
  /** The host is in a network that the operator allowed: it has the limits that settings name for it, and no default. */
  readonly isOpenNetwork?: boolean;
  /** Requests of this worker to the host that are about to follow. @default 0 */
  readonly ahead?: number;
}

export type Admission =
  /** `end` frees the connection; call it exactly once, when the response has been read. */
  | { readonly kind: 'admitted'; end(end?: CallEnd): void }
  /** It has not answered for minutes, and is asked again by one request at a time, not before `until`. */
  | { readonly kind: 'down'; readonly until: number }
  | Held;

/** Where the limits are kept; the adapter is `shared/aws/limit-table.ts`. */
export interface LimitTable extends RateTable {
  /**
   * Takes or renews one of `slots` leases of a key until `until`.
   * @returns its index, or when the first of those that others hold ends
   */
  takeSlot(request: SlotRequest): Promise<SlotAnswer>;
  /** Somebody else's slot stays as it is. */
  giveSlotBack(request: { readonly key: string; readonly index: number; readonly owner: string }): Promise<void>;
}

export interface SlotRequest {
  readonly key: string;
  readonly slots: number;
  readonly owner: string;
  readonly now: number;
  readonly until: number;
  /** To renew; undefined: any. */
  readonly index?: number;
  /** Own slots that are not to be taken again. */
  readonly held: readonly number[];
}

export type SlotAnswer = { readonly kind: 'taken'; readonly index: number } | { readonly kind: 'none'; readonly freeAt: number };

/** No host has a limit: for tests and for networks of one's own. */
export const UNLIMITED: HostLimiter = {
  admit: () => Promise.resolve({ kind: 'admitted', end: () => undefined }),
  release: () => Promise.resolve(),
};
