import { estimateWaitSeconds } from './estimate-wait.ts';
import type { Waiting } from './ports.ts';
import type { TenantSettings } from './tenant-settings.ts';

/** What is known of a submission before anything is done for it. */
export interface Submission {
  readonly items: number;
  /** In credits, all items together. */
  readonly price: number;
  /** Of the tenant, in credits. */
  readonly balance: number;
  /** Undefined: the tenant has no cap, or nothing of it waits. */
  readonly waiting: Waiting | undefined;
  /** Items that may wait. @default any number */
  readonly cap?: number;
  readonly onFull: TenantSettings['onFull'];
  /** Items a second that the limit on all of them allows. @default no bound */
  readonly limitPerSecond?: number;
}

export type AdmissionVerdict =
  | { readonly kind: 'admitted' }
  /** `retryAfterSeconds`: when it is worth while to ask again, or about when it begins. */
  | { readonly kind: 'queued' | 'refused'; readonly reason: 'credits' | 'waiting'; readonly retryAfterSeconds: number };

/** Where nothing is known of the tenant's rate: the sweep looks every minute. */
const UNKNOWN_WAIT_SECONDS = 60;

/**
 * What becomes of a submission whose items are known. It reserves nothing: the plan does, and may come to another answer when others were faster.
 */
export function decideAdmission({ items, price, balance, waiting, cap = Infinity, onFull, limitPerSecond = Infinity }: Submission): AdmissionVerdict {
  const kind = onFull === 'refuse' ? 'refused' : 'queued';
  // Nobody knows when credits are added.
  if (price > balance) return { kind, reason: 'credits', retryAfterSeconds: UNKNOWN_WAIT_SECONDS };
  if (cap === Infinity || !waiting) return { kind: 'admitted' };
  const inLine = Object.values(waiting.line).reduce((sum, each) => sum + each, 0);
  if (inLine === 0 && waiting.waiting <= Math.max(0, cap - items)) return { kind: 'admitted' };
  const mustGo = waiting.waiting + inLine - Math.max(0, cap - items);
  return { kind, reason: 'waiting', retryAfterSeconds: estimateWaitSeconds({ itemsAhead: mustGo, itemsPerSecond: waiting.itemsPerSecond, limitPerSecond }) ?? UNKNOWN_WAIT_SECONDS };
}
