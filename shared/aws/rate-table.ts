import { raisedTat, refundBound, rescaledTat, tatAfterPause } from '../limit-changes.ts';
import { busyBound, CLOCK_SKEW_MS, comeBackAt, futureLock, grantedBy, isIdle, largestRequest, limitInForce, waitOf, type Limit, type Reservation } from '../limits.ts';
import type { LimitState, RateTable, ReserveRequest } from '../limiting/rate-table.ts';
import { counterAt, staleCounters } from '../limiting/usage.ts';
import { LIMIT_EXPRESSIONS } from './limit-expressions.ts';
import { type Expression, expiryOf, type ExpressionValues, type LimitRows } from './limit-updates.ts';

/** Refused in turn by writers that came in between: then the request waits like any other that was refused. */
const MAX_ROUNDS = 4;
const US_PER_MS = 1000;
const MAX_KNOWN_KEYS = 10_000;

/** Rates as records of the table `limits`. */
export function createRateTable(rows: LimitRows): RateTable {
  /** Last seen records: a guess at which form will be accepted saves a call. */
  const seen = new Map<string, LimitState>();
  const remember = <T extends Record<string, unknown> | undefined>(key: string, record: T): T => {
    if (seen.size >= MAX_KNOWN_KEYS) seen.clear();
    if (record && 'gen' in record) seen.set(key, record as unknown as LimitState);
    else seen.delete(key);
    return record;
  };
  const read = async (key: string): Promise<LimitState | undefined> => remember(key, await rows.read(key)) as LimitState | undefined;
  const update = async (key: string, expression: Expression, parameters: ExpressionValues): Promise<LimitState | undefined> => {
    const after = await rows.update(key, expression, parameters);
    return (after && remember(key, after)) as LimitState | undefined;
  };

  async function tryForm(form: 'idle' | 'busy', limit: Limit, { key, units, nowUs, isAhead }: ReserveRequest): Promise<LimitState | undefined> {
    const amount = units * limit.unitUs;
    const nowMs = Math.floor(nowUs / US_PER_MS);
    const own = form === 'idle' ? { ':after': nowUs + amount, ':zero': 0 } : { ':amount': amount, ':bound': busyBound(limit, units, nowUs) };
    const common = { ':one': 1, ':gen': seen.get(key)?.gen ?? 0, ':now': nowUs, ':lock': isAhead ? futureLock(limit) : 0, ':units': units };
    const values = { ...own, ...common, ':ttl': expiryOf((nowUs + amount) / US_PER_MS) };
    return update(key, removingStale(LIMIT_EXPRESSIONS[form], seen.get(key), nowMs), { values, names: { '#ttl': 'ttl', '#used': counterAt(nowMs) } });
  }

  async function reserve(request: ReserveRequest): Promise<Reservation> {
    const { key, units, nowUs, isAhead } = request;
    let comeBackAtUs = nowUs + request.limit.unitUs;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const limit = waitOf(limitInForce(seen.get(key), request.limit), isAhead);
      if (units > largestRequest(limit)) return { kind: 'refused', comeBackAtUs: Infinity };
      const forms = isIdle(seen.get(key), nowUs) ? (['idle', 'busy'] as const) : (['busy', 'idle'] as const);
      for (const form of forms) {
        const after = await tryForm(form, limit, request);
        if (after) return grantedBy(limit, request, after);
      }
      const record = await read(key);
      if (record === undefined) continue;
      const inForce = waitOf(limitInForce(record, request.limit), isAhead);
      comeBackAtUs = Math.max(nowUs, comeBackAt(inForce, units, record.tat));
      if (!isIdle(record, nowUs) && record.tat > busyBound(inForce, units, nowUs)) break;
    }
    return { kind: 'refused', comeBackAtUs };
  }

  return {
    reserve,
    read,
    peek: (key) => seen.get(key),

    async giveBack({ key, grant, units, nowUs }) {
      const record = await read(key);
      const max = refundBound(grant, units, nowUs);
      const mine = grant.v ?? -1;
      if (!record) return false;
      const values = { ':amount': units * grant.limit.unitUs, ':gen': grant.gen, ':mine': mine, ':max': max, ':seen': record.refd, ':units': -units };
      const names = { '#used': counterAt(Math.floor(nowUs / US_PER_MS)) };
      return (await update(key, LIMIT_EXPRESSIONS.giveBack, { values, names })) !== undefined;
    },

    async chargeMore({ key, limit, units, nowUs }) {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const record = round === 0 ? seen.get(key) : await read(key);
        if (round > 0 && !record) return;
        const values = { ':amount': units * limitInForce(record, limit).unitUs, ':one': 1, ':gen': record?.gen ?? 0, ':units': units };
        const names = { '#used': counterAt(Math.floor(nowUs / US_PER_MS)) };
        if (await update(key, LIMIT_EXPRESSIONS.chargeMore, { values, names })) return;
      }
    },

    async pauseUntil({ key, limit, untilUs }) {
      for (let round = 0; round < MAX_ROUNDS; round++) {
        const record = await read(key);
        const pause = Math.max(untilUs, record?.pause ?? 0);
        const after = tatAfterPause(limitInForce(record, limit), pause);
        const ttl = { ':zero': 0, ':ttl': expiryOf(after / US_PER_MS) };
        const isLater = record !== undefined && record.tat >= after;
        const values = { ':after': after, ':pause': pause, ':one': 1, ...(!isLater && ttl) };
        const names = isLater ? {} : { names: { '#ttl': 'ttl' } };
        if (await update(key, isLater ? LIMIT_EXPRESSIONS.pauseAgain : LIMIT_EXPRESSIONS.pause, { values, ...names })) return;
      }
    },

    async changeRate({ key, seen: record, from, to, nowUs, notes }) {
      const own = { ':after': rescaledTat(record, from, to, nowUs), ':t': to.unitUs, ':burst': to.burst, ':gen': record.gen, ':seen': record.tat, ':one': 1 };
      const values = { ...own, ...(notes && { ':t0': notes.t0, ':stepAt': notes.stepAt }) };
      const { update: sets, condition } = LIMIT_EXPRESSIONS.changeRate;
      const after = await update(key, { update: notes ? sets.replace(' REMOVE', ', t0 = :t0, stepAt = :stepAt REMOVE') : sets, condition }, { values });
      if (!after) await read(key);
      return after !== undefined;
    },

    async raiseRate({ key, seen: record, from, unitUs, nowUs, notes }) {
      const values = { ':after': raisedTat(record, from, unitUs, nowUs), ':t': unitUs, ':burst': from.burst, ':gen': record.gen, ':seen': record.tat, ':one': 1, ':t0': notes.t0, ':stepAt': notes.stepAt };
      const after = await update(key, LIMIT_EXPRESSIONS.raiseRate, { values });
      if (!after) await read(key);
      return after !== undefined;
    },

    async countFailure(key, nowMs) {
      const values = { ':zero': 0, ':one': 1, ':ttl': expiryOf(nowMs) };
      return (await update(key, LIMIT_EXPRESSIONS.countFailure, { values, names: { '#ttl': 'ttl' } }))!;
    },

    async countThrottle({ key, throttles, nowMs }) {
      const values = { ':throttles': throttles, ':now': nowMs, ':ttl': expiryOf(nowMs) };
      await update(key, LIMIT_EXPRESSIONS.countThrottle, { values, names: { '#ttl': 'ttl' } });
    },

    openBreaker: async ({ key, count, untilMs }) => (await update(key, LIMIT_EXPRESSIONS.openBreaker, { values: { ':until': untilMs, ':count': count } })) !== undefined,

    async takeProbe({ key, owner, nowMs, untilMs }) {
      const values = { ':lease': { o: owner, u: untilMs }, ':now': nowMs, ':over': nowMs - CLOCK_SKEW_MS, ':me': owner };
      return (await update(key, LIMIT_EXPRESSIONS.takeProbe, { values, names: { '#u': 'u', '#o': 'o' } })) !== undefined;
    },

    async closeBreaker(key) {
      await update(key, LIMIT_EXPRESSIONS.closeBreaker, {});
    },
  };
}

/** Counters that nobody looks at any more go with the next write. */
function removingStale({ update, condition }: Required<Expression>, record: LimitState | undefined, nowMs: number): Expression {
  const stale = record ? staleCounters(record as unknown as Record<string, unknown>, nowMs) : [];
  return { update: stale.length > 0 ? `${update} REMOVE ${stale.join(', ')}` : update, condition };
}
