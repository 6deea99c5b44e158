import type { CallEnd, Held, Limiter, LimitUse, StartAnswer } from '../limiter.ts';
import { isVoid, limitInForce, MAX_START_DELAY_MS, withMinInterval, type Grant, type Limit } from '../limits.ts';
import { createBlockQueue } from './block-queue.ts';
import { noteAnswer, noteFailure, PROBE_LEASE_MS, rest, slowDown, speedUp } from './pace.ts';
import type { RateTable } from './rate-table.ts';

export interface LimiterOptions {
  readonly table: RateTable;
  /** Names this worker in the leases of probes; unique. */
  readonly owner: string;
  /** What a key is limited to; undefined: not at all. */
  readonly limitOf: (key: string) => Promise<Limit | undefined>;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** No call waits longer than this for its start. */
export const MAX_WAIT_MS = 3000;
/** A start may be missed, or become void, as often as this: then the call comes back later. */
const MAX_TRIES = 5;
const US_PER_MS = 1000;

interface Asked extends LimitUse {
  readonly limit: Limit;
  readonly isFirst: boolean;
}
interface Taken extends Asked {
  readonly grant: Grant;
}
interface Started {
  readonly taken: readonly Taken[];
  /** It tries for all workers whether the other side is back. */
  readonly isProbe: boolean;
}
type Try = (Started & { readonly kind: 'granted'; readonly startUs: number; readonly isOld: boolean }) | Held | 'again';

/** What admits a call: every key at one and the same moment, or none of them. The first key names the other side: its breaker and its Retry-After. */
export class CallLimiter implements Limiter {
  readonly #options: LimiterOptions;
  readonly #blocks: ReturnType<typeof createBlockQueue>;
  #starts = 0;

  constructor(options: LimiterOptions) {
    this.#options = options;
    this.#blocks = createBlockQueue(options.table, options.clock);
  }

  #nowUs(): number {
    return this.#options.clock() * US_PER_MS;
  }

  async start(uses: readonly LimitUse[], signal: AbortSignal): Promise<StartAnswer> {
    const asked: Asked[] = [];
    for (const use of uses) {
      const configured = await this.#options.limitOf(use.key);
      const { minIntervalSeconds = 0 } = use;
      const limit = configured && minIntervalSeconds > 0 ? withMinInterval(configured, minIntervalSeconds) : configured;
      if (limit) asked.push({ ...use, isFirst: use === uses[0], limit: { ...limit, maxWaitUs: MAX_WAIT_MS * US_PER_MS } });
    }
    const probeOwner = `${this.#options.owner}/${++this.#starts}`;
    if (asked.length === 0) return { kind: 'started', end: () => Promise.resolve() };
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      signal.throwIfAborted();
      const tooLarge = this.#findTooLarge(asked);
      if (tooLarge) return tooLarge;
      await speedUp(this.#options.table, asked[0]!, this.#options.clock());
      const answer = await this.#tryKeys(asked, probeOwner);
      if (answer === 'again') continue;
      if (answer.kind === 'held') return answer;
      if (await this.#waitForStart(answer, signal)) return { kind: 'started', end: (end, real) => this.#endCall(answer, end, real) };
    }
    return { kind: 'held', until: this.#options.clock() + MAX_WAIT_MS, limit: asked[0]!.key };
  }

  #findTooLarge(asked: readonly Asked[]): Extract<StartAnswer, { kind: 'too large' }> | undefined {
    for (const { key, units, limit } of asked) {
      const { burst, largest = burst } = limitInForce(this.#options.table.peek(key), limit);
      if (units > largest) return { kind: 'too large', limit: key, largest };
    }
    return undefined;
  }

  /** Milliseconds that the key alone would let it wait, as far as this worker knows. */
  #expectedStartUs({ key, units, limit }: Asked): number {
    const record = this.#options.table.peek(key);
    const { burst, unitUs } = limitInForce(record, limit);
    return record ? record.tat + (units - burst) * unitUs : 0;
  }

  /** The key that lets it wait longest grants a start; each other one grants exactly that, or all are given back. */
  async #tryKeys(asked: readonly Asked[], probeOwner: string): Promise<Try> {
    const [first, ...others] = asked.toSorted((a, b) => this.#expectedStartUs(b) - this.#expectedStartUs(a));
    const answer = await this.#blocks.reserve(first!.key, first!.limit, first!.units, asked.length === 1 ? first!.ahead : 0);
    // Refused for ever: the rate was changed meanwhile.
    if (answer.kind === 'refused') return answer.comeBackAtUs === Infinity ? 'again' : this.#heldUntil(first!.key, answer.comeBackAtUs);
    const taken: Taken[] = [{ ...first!, grant: answer.grant }];
    for (const other of others) {
      const next = await this.#reserveExactly(other, answer.startUs);
      if (next.kind === 'refused') {
        await this.#giveAllBack(taken);
        return Number.isFinite(next.comeBackAtUs) && next.comeBackAtUs > this.#nowUs() + MAX_WAIT_MS * US_PER_MS ? this.#heldUntil(other.key, next.comeBackAtUs - MAX_WAIT_MS * US_PER_MS) : 'again';
      }
      taken.push({ ...other, grant: next.grant });
    }
    const probe = await this.#askBreaker(asked[0]!.key, probeOwner, taken);
    return probe.kind === 'held' ? probe : { kind: 'granted', startUs: answer.startUs, taken, isProbe: probe.isProbe, isOld: answer.isOld === true };
  }

  #heldUntil(limit: string, us: number): Held {
    return { kind: 'held', until: Math.max(this.#options.clock() + 1, Math.ceil(us / US_PER_MS)), limit };
  }

  /** A later start at this key would delay what the others granted, which alone breaks their windows. */
  async #reserveExactly({ key, units, limit }: Asked, startUs: number) {
    const isAhead = startUs > this.#nowUs();
    return this.#options.table.reserve({ key, limit: { ...limit, maxWaitUs: 0 }, units, nowUs: startUs, isAhead });
  }

  /** While it is half open one call of all workers goes through. */
  async #askBreaker(key: string, owner: string, taken: readonly Taken[]): Promise<Held | { readonly kind: 'passes'; readonly isProbe: boolean }> {
    const { breakerUntil } = this.#options.table.peek(key) ?? {};
    if (breakerUntil === undefined) return { kind: 'passes', isProbe: false };
    const nowMs = this.#options.clock();
    if (breakerUntil <= nowMs && (await this.#options.table.takeProbe({ key, owner, nowMs, untilMs: nowMs + PROBE_LEASE_MS }))) return { kind: 'passes', isProbe: true };
    await this.#options.table.read(key);
    await this.#giveAllBack(taken);
    return { kind: 'held', until: Math.max(breakerUntil, nowMs + MAX_WAIT_MS), limit: key };
  }

  /** @returns false if the start was missed, or became void meanwhile: it must be reserved anew */
  async #waitForStart({ startUs, taken, isOld }: Extract<Try, { kind: 'granted' }>, signal: AbortSignal): Promise<boolean> {
    const startMs = Math.ceil(startUs / US_PER_MS);
    const waits = isOld || startMs > this.#options.clock();
    while (this.#options.clock() < startMs && !signal.aborted) await this.#options.sleep(startMs - this.#options.clock(), signal);
    if (signal.aborted) {
      await this.#giveAllBack(taken);
      signal.throwIfAborted();
    }
    if (waits && (await this.#isVoid(taken))) return false;
    return this.#options.clock() <= startMs + MAX_START_DELAY_MS;
  }

  async #isVoid(taken: readonly Taken[]): Promise<boolean> {
    const records = await Promise.all(taken.map(({ key }) => this.#options.table.read(key)));
    const isAnyVoid = taken.some(({ grant }, i) => isVoid(records[i], grant));
    if (isAnyVoid) for (const { key } of taken) this.#blocks.forget(key);
    return isAnyVoid;
  }

  /** In the order in which they were not taken: the last one is most likely to be the last still. */
  async #giveAllBack(taken: readonly Taken[]): Promise<void> {
    for (const { key, grant, units } of taken.toReversed()) await this.#options.table.giveBack({ key, grant, units, nowUs: this.#nowUs() });
  }

  async #endCall({ taken, isProbe }: Started, end: CallEnd, real: readonly LimitUse[] = []): Promise<void> {
    for (const { key, units } of real) {
      const mine = taken.find((each) => each.key === key);
      if (!mine || mine.units === units) continue;
      if (units > mine.units) await this.#options.table.chargeMore({ key, limit: mine.limit, units: units - mine.units, nowUs: this.#nowUs() });
      else await this.#options.table.giveBack({ key, grant: mine.grant, units: mine.units - units, nowUs: this.#nowUs() });
    }
    const first = taken.find(({ isFirst }) => isFirst);
    if (first) await this.#notePace(first, isProbe, end);
  }

  async #notePace(first: Taken, isProbe: boolean, end: CallEnd): Promise<void> {
    if (end.kind === 'failed') return noteFailure(this.#options.table, first, isProbe, this.#options.clock());
    await noteAnswer(this.#options.table, first, isProbe);
    if (end.kind === 'answered' && end.until !== undefined) await rest(this.#options.table, first, { nowMs: this.#options.clock(), until: end.until });
    if (end.kind === 'throttled') await slowDown(this.#options.table, first, first.grant, { nowMs: this.#options.clock(), ...(end.until !== undefined && { until: end.until }) });
  }

  release(): Promise<void> {
    return this.#blocks.release();
  }
}
