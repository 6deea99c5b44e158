import type { Rate } from './fairness/costs.ts';
import type { Tag } from './fairness/tags.ts';
import type { Priority } from './manifest/common-options.ts';
import type { Runs } from './records.ts';
import type { TenantSettings } from './tenant-settings.ts';

/**
 * The dispatcher's state: a cache of the ledger plus what is in flight. Losing it costs time, never work; shares then begin anew.
 * Per shard, batches from `next` on have never been sent and stand at q 0; every other open batch has an entry.
 * Names are short and defaults left out: all of it is one record. Fields that an older release does not know are ones that it can do without.
 */

/** In flight (holds a slot of the window), ready to be sent again, or deferred. `i`: items without a verdict, if not all. */
export type LaneEntry =
  /** `again`: nobody came for it, so it was sent again. `c`: what it is expected to cost; undefined: it was never charged. */
  | { readonly s: 'flight'; readonly q: number; readonly since: number; readonly again?: true; readonly c?: number; readonly i?: number }
  | { readonly s: 'ready'; readonly q: number; readonly i?: number }
  /** `by`: the limit that holds it. */
  | { readonly s: 'wait'; readonly q: number; readonly until: number; readonly i?: number; readonly by?: string };

export interface LaneShard {
  readonly n: number;
  next: number;
  readonly e: Record<string, LaneEntry>;
  /** Items of each batch, as [items, how many batches in a row]. */
  readonly i?: readonly (readonly [items: number, batches: number])[];
  /** Limit keys and groups of batches, as in `ShardRecord`. */
  readonly k?: Runs;
  readonly g?: Runs;
}

export interface LaneRun {
  readonly run: string;
  readonly workerClass: string;
  readonly processor?: string;
  /** Undefined: normal. */
  readonly priority?: Priority;
  /** Paused, or being stopped: nothing of it is sent. */
  isHeld?: boolean;
  /** Shards that nobody has looked at yet, as ordinals: thousands of them cost a few bytes. */
  pristine: string;
  readonly shards: Record<string, LaneShard>;
}

/** What a lane has of a worker class. */
export interface Share extends Tag {
  /** Virtual time of its groups, and their tags; undefined: it has one group. */
  gv?: number;
  /** `r`: items in this round. */
  groups?: Record<string, Tag & { r?: number }>;
  /** Milliseconds of workers a second. */
  service?: Rate;
}

export interface Lane {
  readonly tenant: string;
  readonly runs: LaneRun[];
  /** Undefined: the defaults. */
  settings?: TenantSettings;
  /** By worker class. */
  shares?: Record<string, Share>;
  /** Processor -> milliseconds of a worker that its items took. */
  pace?: Readonly<Record<string, number>>;
}

/** All lanes of a worker class together. */
export interface ClassState {
  /** Virtual time. */
  v: number;
  /** Batches in flight at most; undefined: what is configured. */
  window?: number;
  /** As configured. */
  max?: number;
  /** Since the window was made smaller; undefined: it never was. */
  reports?: number;
  /** What batches take. */
  tookMs?: number;
  pace?: Readonly<Record<string, number>>;
  /** Items a second. */
  items?: Rate;
}

/** A limit that has held batches back. */
export interface ContendedLimit {
  until: number;
  /** Batches of its key that may be in flight; undefined: any number. */
  cap?: number;
  /** The limit that people should read, if it is another one. */
  readonly by?: string;
}

export interface LaneState {
  readonly v: 1;
  lanes: Lane[];
  /** When the next wake message comes, milliseconds since the epoch; 0: none is under way. */
  wakeAt: number;
  /** By worker class. */
  classes?: Record<string, ClassState>;
  /** By limit key. */
  limits?: Record<string, ContendedLimit>;
}

export interface Pick {
  readonly workerClass: string;
  readonly run: string;
  readonly shard: number;
  readonly batch: number;
  readonly q: number;
}

/** A batch that is sent once more. */
export interface Resend extends Pick {
  /** Its worker died, or nobody came for it a second time. The first time it may just be waiting behind slow batches. */
  readonly isDrift: boolean;
}

/** What the items of a tenant and processor took, known when a run of it leaves the lanes. */
export interface EndedRun {
  readonly tenant: string;
  readonly processor: string;
  readonly msPerItem: number;
}
