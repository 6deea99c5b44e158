import { setTimeout as delay } from 'node:timers/promises';
import { keysOf, limitForKey, type LimitSettings } from '../limit-settings.ts';
import type { CallEnd, LimitUse, StartedCall } from '../limiter.ts';
import { CallLimiter, MAX_WAIT_MS } from '../limiting/limiter.ts';
import type { Admission, AdmissionRequest, HostLimiter, LimitTable } from './host-limiter.ts';

export interface HostLimiterOptions {
  readonly table: LimitTable;
  /** Names this worker in the slots; unique. */
  readonly owner: string;
  /** All workers together, to hosts that no setting names. */
  readonly requestsPerSecond: number;
  /** @default none */
  readonly settings?: () => Promise<LimitSettings>;
  /** All workers together. */
  readonly connections: number;
  readonly clock: () => number;
  /** From 0 to 1, 1 not included. */
  readonly random: () => number;
  /** @default a timer */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/** A dead worker's connections are free again after it. */
export const SLOT_LEASE_MS = 60_000;
/** A slot is used only if its lease outlives the wait and the request. */
export const MIN_LEASE_LEFT_MS = 35_000;
/** After the sockets' own idle time-out, so that a freed slot has no open socket. */
export const SLOT_IDLE_MS = 1500;
const BACK_OFF_MS = { min: 2000, spread: 4000 };
/** A breaker that opened more often than this in a row, after minutes, makes requests fail instead of wait. */
const HELD_OPENINGS = 3;
const NO_SETTINGS: LimitSettings = {};
const ANSWERED: CallEnd = { kind: 'answered' };
/** Longer ones would keep a host's batch for days. */
export const MAX_CRAWL_DELAY_SECONDS = 60;

interface Slot {
  readonly index: number;
  until: number;
  isBusy: boolean;
  idleSince: number;
}

interface HostState {
  readonly key: string;
  readonly slots: Slot[];
  /** Requests of this worker that wait for one of its own slots, first come first served. */
  readonly waiters: ((slot: Slot | undefined) => void)[];
  /** Only one call for a slot at a time. */
  taking: Promise<Slot | undefined> | undefined;
  /** Ends when every slot that was given up is given back: before it, taking one would lose it again. */
  returning: Promise<void>;
  heldUntil: number;
}

/** First a connection, then a start: a start that has been granted may not wait for anything any more. */
export function createHostLimiter(options: HostLimiterOptions): HostLimiter {
  const { table, owner, clock, random } = options;
  const sleep = options.sleep ?? ((ms: number) => delay(ms, undefined, { ref: false }));
  const settings = options.settings ?? (() => Promise.resolve(NO_SETTINGS));
  const defaults = { maxWaitMs: MAX_WAIT_MS, hostRequestsPerSecond: options.requestsPerSecond };
  const calls = new CallLimiter({ table, owner, limitOf: async (key) => limitForKey(key, await settings(), defaults), clock, sleep });
  const hosts = new Map<string, HostState>();
  /** Writes about requests that ended. */
  const endings = new Set<Promise<void>>();

  const stateOf = (host: string): HostState => {
    const known = hosts.get(host);
    if (known) return known;
    const state: HostState = { key: `host:${host}`, slots: [], waiters: [], taking: undefined, returning: Promise.resolve(), heldUntil: 0 };
    hosts.set(host, state);
    return state;
  };

  async function admit(request: AdmissionRequest): Promise<Admission> {
    const { host, signal } = request;
    const uses = await usesOf(request);
    if (uses.length === 0) return { kind: 'admitted', end: () => undefined };
    const state = stateOf(host);
    if (state.heldUntil > clock()) return refused(state, state.heldUntil, state.key);
    const slot = await takeConnection(state);
    if (slot === undefined) return refused(state, Math.max(state.heldUntil, clock() + BACK_OFF_MS.min), state.key);
    try {
      const start = await calls.start(uses, signal);
      // What a host without a limit of its own says is no reason to hold its tenant.
      const isHostLimited = uses[0]!.key === state.key;
      if (start.kind === 'started') return { kind: 'admitted', end: (end = ANSWERED) => endRequest({ host, state, slot, start, end: isHostLimited ? end : ANSWERED }) };
      endUse(host, state, slot);
      if (start.kind === 'too large') throw new Error(`expected a limit of at least one request, ${start.limit} has none`);
      if (start.limit === state.key) state.heldUntil = Math.max(state.heldUntil, start.until);
      return refused(state, start.until, start.limit ?? state.key);
    } catch (error) {
      endUse(host, state, slot);
      throw error;
    }
  }

  /** The host itself first: its Retry-After and its breaker follow from how the request ends. */
  async function usesOf({ host, tenant, group, isOpenNetwork = false, crawlDelaySeconds = 0, ahead = 0 }: AdmissionRequest): Promise<LimitUse[]> {
    const named = keysOf({ host, ...(tenant !== undefined && { tenant }), ...(group !== undefined && { group }) }, await settings());
    const own = `host:${host}`;
    const minIntervalSeconds = Math.min(crawlDelaySeconds, MAX_CRAWL_DELAY_SECONDS);
    const others = named.filter((key) => key !== own).map((key): LimitUse => ({ key, units: 1 }));
    return isOpenNetwork && !named.includes(own) ? others : [{ key: own, units: 1, minIntervalSeconds, ahead }, ...others];
  }

  function refused({ key }: HostState, until: number, limit: string): Admission {
    const { breakerCount = 0, breakerUntil = 0 } = table.peek(key) ?? {};
    return breakerCount > HELD_OPENINGS && breakerUntil > clock() ? { kind: 'down', until: breakerUntil } : { kind: 'held', until, limit };
  }

  function endRequest({ host, state, slot, start, end }: { readonly host: string; readonly state: HostState; readonly slot: Slot; readonly start: StartedCall; readonly end: CallEnd }): void {
    if (end.kind !== 'failed') state.heldUntil = Math.max(state.heldUntil, end.until ?? 0);
    endUse(host, state, slot);
    // What could not be noted is noted by the next one that the host treats so.
    const noted = start.end(end).catch(() => undefined).finally(() => endings.delete(noted));
    endings.add(noted);
  }

  async function takeConnection(state: HostState): Promise<Slot | undefined> {
    for (;;) {
      const free = state.slots.find((slot) => !slot.isBusy);
      if (free && free.until - clock() >= MIN_LEASE_LEFT_MS) return occupy(free);
      if (!free && state.slots.length >= options.connections) return waitForOwnSlot(state);
      const taken = await (state.taking ??= takeSlot(state, free).finally(() => (state.taking = undefined)));
      if (taken === undefined && state.slots.length === 0) return undefined;
      if (taken === undefined) return waitForOwnSlot(state);
      if (!taken.isBusy) return occupy(taken);
    }
  }

  async function takeSlot(state: HostState, renewed: Slot | undefined): Promise<Slot | undefined> {
    if (renewed) state.slots.splice(state.slots.indexOf(renewed), 1);
    await state.returning;
    const now = clock();
    const until = now + SLOT_LEASE_MS;
    const held = state.slots.map(({ index }) => index);
    const request = { key: state.key, slots: options.connections, owner, now, until, held, ...(renewed && { index: renewed.index }) };
    const answer = await table.takeSlot(request);
    if (answer.kind === 'taken') {
      const slot = { index: answer.index, until, isBusy: false, idleSince: now };
      state.slots.push(slot);
      return slot;
    }
    const backOff = now + BACK_OFF_MS.min + Math.floor(random() * BACK_OFF_MS.spread);
    if (state.slots.length === 0) state.heldUntil = Math.max(state.heldUntil, Math.min(backOff, Math.max(answer.freeAt, now + 1)));
    return undefined;
  }

  async function waitForOwnSlot(state: HostState): Promise<Slot | undefined> {
    const { promise, resolve } = Promise.withResolvers<Slot | undefined>();
    state.waiters.push(resolve);
    void sleep(MAX_WAIT_MS).then(() => {
      const index = state.waiters.indexOf(resolve);
      if (index === -1) return;
      state.waiters.splice(index, 1);
      resolve(undefined);
    });
    return promise;
  }

  function endUse(host: string, state: HostState, slot: Slot): void {
    slot.isBusy = false;
    if (slot.until - clock() >= MIN_LEASE_LEFT_MS) {
      const next = state.waiters.shift();
      if (next) return next(occupy(slot));
    } else if (state.waiters.length > 0) {
      const next = state.waiters.shift()!;
      return void takeConnection(state).then(next, () => next(undefined));
    }
    const idleSince = clock();
    slot.idleSince = idleSince;
    void sleep(SLOT_IDLE_MS).then(() => (!slot.isBusy && slot.idleSince === idleSince ? freeSlot(host, state, slot) : undefined));
  }

  async function freeSlot(host: string, state: HostState, slot: Slot): Promise<void> {
    const position = state.slots.indexOf(slot);
    if (position === -1) return;
    state.slots.splice(position, 1);
    // A slot that could not be given back ends with its lease.
    state.returning = state.returning.then(() => table.giveSlotBack({ key: state.key, index: slot.index, owner })).catch(() => undefined);
    await state.returning;
    const isUnused = state.slots.length === 0 && state.waiters.length === 0 && state.taking === undefined && state.heldUntil <= clock();
    if (isUnused && hosts.get(host) === state) hosts.delete(host);
  }

  async function release(): Promise<void> {
    await Promise.all([...endings, calls.release()]);
    const idle = [...hosts].flatMap(([host, state]) => state.slots.filter((slot) => !slot.isBusy).map((slot) => freeSlot(host, state, slot)));
    await Promise.all(idle);
  }
  return { admit, release };
}

function occupy(slot: Slot): Slot {
  slot.isBusy = true;
  return slot;
}
