import { describe, expect, it } from 'vitest';
import { decideAdmission } from '../../../shared/decide-admission.ts';
import { estimateWaitSeconds, measureRate } from '../../../shared/estimate-wait.ts';
import type { Waiting } from '../../../shared/ports.ts';

const waitingOf = (waiting: number, line: Readonly<Record<string, number>> = {}): Waiting => ({ waiting, line, holds: {}, gone: 0, itemsPerSecond: 2 });
const asked = { items: 10, price: 0, balance: 0, waiting: waitingOf(90), cap: 100, onFull: 'wait' } as const;

describe('a submission', () => {
  it.each([
    ['that just fits', {}, { kind: 'admitted' }],
    ['of a tenant without a cap', { cap: undefined, waiting: waitingOf(1e6) }, { kind: 'admitted' }],
    ['of a tenant of which nothing waits, however large', { items: 1000, waiting: undefined }, { kind: 'admitted' }],
    ['that does not fit waits until as much as it lacks has gone', { waiting: waitingOf(96) }, { kind: 'queued', reason: 'waiting', retryAfterSeconds: 3 }],
    ['behind others waits for these, too', { waiting: waitingOf(90, { r: 30 }) }, { kind: 'queued', reason: 'waiting', retryAfterSeconds: 15 }],
    ['of a tenant that chose to be refused says when to come again', { waiting: waitingOf(96), onFull: 'refuse' }, { kind: 'refused', reason: 'waiting', retryAfterSeconds: 3 }],
    ['larger than the cap waits until nothing else does', { items: 500, waiting: waitingOf(96) }, { kind: 'queued', reason: 'waiting', retryAfterSeconds: 48 }],
    ['that is paid to the last credit', { price: 250, balance: 250 }, { kind: 'admitted' }],
    ['that is not paid', { price: 251, balance: 250 }, { kind: 'queued', reason: 'credits', retryAfterSeconds: 60 }],
  ] as const)('%s', (_, changes, verdict) => {
    const { cap, waiting, ...rest } = { ...asked, ...changes };
    expect(decideAdmission({ ...rest, waiting, ...(cap !== undefined && { cap }) })).toEqual(verdict);
  });
});

describe('an estimated wait', () => {
  it.each([
    [{ itemsAhead: 12_000, itemsPerSecond: 50 }, 240],
    [{ itemsAhead: 12_000, itemsPerSecond: 50, limitPerSecond: 7.5 }, 1600],
    [{ itemsAhead: 100, itemsPerSecond: undefined, limitPerSecond: 10 }, 10],
    [{ itemsAhead: 0, itemsPerSecond: 50 }, 1],
    [{ itemsAhead: 1e12, itemsPerSecond: 0.001 }, 604_800],
    [{ itemsAhead: 100, itemsPerSecond: undefined }, undefined],
    [{ itemsAhead: 100, itemsPerSecond: 0 }, undefined],
  ])('of %o is %s s', (input, seconds) => {
    expect(estimateWaitSeconds(input)).toBe(seconds);
  });

  it('goes by the average of the last minutes: one idle minute halves the rate and does not end it', () => {
    const first = measureRate({ before: undefined, gone: 0, now: 0, itemsPerSecond: undefined });
    const second = measureRate({ before: { gone: 0, at: 0 }, gone: 600, now: 60_000, itemsPerSecond: first });
    const idle = measureRate({ before: { gone: 600, at: 60_000 }, gone: 600, now: 120_000, itemsPerSecond: second });
    expect([first, second, idle]).toEqual([undefined, 10, 5]);
    expect(measureRate({ before: { gone: 600, at: 120_000 }, gone: 700, now: 120_000, itemsPerSecond: idle })).toBe(5);
  });
});
