import { setTimeout as delay } from 'node:timers/promises';
import { limitPerSecond, MAX_START_DELAY_MS, type Limit } from '../limits.ts';
import type { Admission, AdmissionRequest, HostLimiter, LimitTable } from './host-limiter.ts';

export interface HostLimiterOptions {
  readonly table: LimitTable;
  /** Names this worker in the slots; unique. */
  readonly owner: string;
  /** All workers together. */
  readonly requestsPerSecond: number;
  /** All workers together. */
  readonly connections: number;
  readonly clock: () => number;
  /** From 0 to 1, 1 not included. */
  readonly random: () => number;
  /** @default a timer */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/** No request waits longer than this for a start, nor for a connection of its own worker. */
export const MAX_WAIT_MS = 3000;
/** A dead worker's connections are free again after it. */
export const SLOT_LEASE_MS = 60_000;
/** A slot is used only if its lease outlives the wait and the request. */
export const MIN_LEASE_LEFT_MS = 35_000;
/** After the sockets' own idle time-out, so that a freed slot has no open socket. */
export const SLOT_IDLE_MS = 1500;
const BACK_OFF_MS = { min: 2000, spread: 4000 };
/** A start is missed when the worker was too busy to look at the clock: then the item comes back later. */
const MAX_MISSED_STARTS = 4;
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
  readonly startRequests: StartRequest[];
  isReserving: boolean;
}

interface StartRequest {
  readonly limit: Limit;
  readonly answer: (start: { readonly startUs: number } | { readonly until: number }) => void;
  readonly fail: (error: unknown) => void;
}

type Start = { readonly startUs: number } | { readonly until: number };

const US_PER_MS = 1000;

/** First a connection, then a start: a start that has been granted may not wait for anything any more. */
export function createHostLimiter(options: HostLimiterOptions): HostLimiter {
  const { table, owner, clock, random } = options;
  const sleep = options.sleep ?? ((ms: number) => delay(ms, undefined, { ref: false }));
  const hosts = new Map<string, HostState>();

  const stateOf = (host: string): HostState => {
    const known = hosts.get(host);
    if (known) return known;
    const state: HostState = { key: `host:${host}`, slots: [], waiters: [], taking: undefined, returning: Promise.resolve(), heldUntil: 0, startRequests: [], isReserving: false };
    hosts.set(host, state);
    return state;
  };

  async function admit({ host, crawlDelaySeconds = 0, signal }: AdmissionRequest): Promise<Admission> {
    const state = stateOf(host);
    if (state.heldUntil > clock()) return { kind: 'held', until: state.heldUntil, limit: state.key };
    const slot = await takeConnection(state);
    if (slot === undefined) return { kind: 'held', until: Math.max(state.heldUntil, clock() + BACK_OFF_MS.min), limit: state.key };
    const end = (): void => endUse(host, state, slot);
    try {
      const limit = limitPerSecond(options.requestsPerSecond, MAX_WAIT_MS, Math.min(crawlDelaySeconds, MAX_CRAWL_DELAY_SECONDS));
      const until = await waitForStart(state, limit, signal);
      if (until === undefined) return { kind: 'admitted', end };
      end();
      return { kind: 'held', until, limit: state.key };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** @returns undefined once the start has come, or until when the request is held */
  async function waitForStart(state: HostState, limit: Limit, signal: AbortSignal): Promise<number | undefined> {
    for (let missed = 0; missed < MAX_MISSED_STARTS; missed++) {
      signal.throwIfAborted();
      const start = await new Promise<Start>((answer, fail) => {
        state.startRequests.push({ limit, answer, fail });
        void reserveStarts(state);
      });
      if ('until' in start) return start.until;
      const startMs = Math.ceil(start.startUs / US_PER_MS);
      while (clock() < startMs) await sleep(startMs - clock());
      if (clock() <= startMs + MAX_START_DELAY_MS) return undefined;
    }
    return clock() + MAX_WAIT_MS;
  }

  /** One write serves every request that came while the one before was on its way, if they are of one rate. */
  async function reserveStarts(state: HostState): Promise<void> {
    if (state.isReserving) return;
    state.isReserving = true;
    while (state.startRequests.length > 0) {
      const { limit } = state.startRequests[0]!;
      const count = state.startRequests.findIndex((request) => request.limit.unitUs !== limit.unitUs);
      const group = state.startRequests.splice(0, count === -1 ? state.startRequests.length : count);
      try {
        await reserveGroup(state, limit, group);
      } catch (error) {
        for (const request of group) request.fail(error);
      }
    }
    state.isReserving = false;
  }

  /** A block that does not fit as a whole is asked for one by one: the first may still fit. */
  async function reserveGroup(state: HostState, limit: Limit, group: readonly StartRequest[]): Promise<void> {
    const nowUs = clock() * US_PER_MS;
    const answer = await table.reserve({ key: state.key, limit, units: group.length, nowUs });
    if (answer.kind === 'granted') return group.forEach((request, i) => request.answer({ startUs: answer.startsUs[i]! }));
    if (group.length > 1) {
      for (const request of group) await reserveGroup(state, limit, [request]);
      return;
    }
    const until = Math.ceil(answer.comeBackAtUs / US_PER_MS);
    state.heldUntil = Math.max(state.heldUntil, until);
    group[0]!.answer({ until });
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
    const idle = [...hosts].flatMap(([host, state]) => state.slots.filter((slot) => !slot.isBusy).map((slot) => freeSlot(host, state, slot)));
    await Promise.all(idle);
  }
  return { admit, release };
}

function occupy(slot: Slot): Slot {
  slot.isBusy = true;
  return slot;
}
