import { describe, expect, it } from 'vitest';
import { createAdaptiveTimeouts } from '../../../../shared/http/adaptive-timeouts.ts';

const CONFIGURED = { connectMs: 10_000, headersMs: 15_000, bodyMs: 15_000, totalMs: 30_000 };
const seen = (host: string, ...answers: readonly number[]) => {
  const timeouts = createAdaptiveTimeouts(CONFIGURED);
  for (const ms of answers) timeouts.noteAnswer(host, ms);
  return timeouts;
};

describe('the time-outs of a host', () => {
  it('are the configured ones until it has answered five times, and for other hosts', () => {
    expect(seen('a', 10, 10, 10, 10).of('a')).toEqual(CONFIGURED);
    expect(seen('a', 10, 10, 10, 10, 10).of('b')).toEqual(CONFIGURED);
  });

  it('are a third of the configured for a fast one, and never less than five seconds', () => {
    expect(seen('a', ...Array.from({ length: 50 }, () => 120)).of('a')).toEqual({ connectMs: 10_000, headersMs: 5000, bodyMs: 5000, totalMs: 10_000 });
  });

  it('leave room for a host whose answers differ, and are never more than configured', () => {
    const { headersMs } = seen('a', ...Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 200 : 1400))).of('a');
    expect(headersMs).toBeGreaterThan(8000);
    expect(headersMs).toBeLessThan(15_000);
    expect(seen('a', ...Array.from({ length: 50 }, () => 9000)).of('a')).toEqual(CONFIGURED);
  });

  it('double with each time-out, so that a host that became slow is not cut off for ever, and come back with its next answer', () => {
    const timeouts = seen('a', ...Array.from({ length: 50 }, () => 100));
    timeouts.noteTimeout('a');
    expect(timeouts.of('a').headersMs).toBe(10_000);
    timeouts.noteTimeout('a');
    expect(timeouts.of('a')).toEqual(CONFIGURED);
    timeouts.noteAnswer('a', 100);
    expect(timeouts.of('a').headersMs).toBe(5000);
  });

  it('forget the host that was longest unheard of among two thousand', () => {
    const timeouts = createAdaptiveTimeouts(CONFIGURED);
    for (let i = 0; i < 5; i++) timeouts.noteAnswer('first', 10);
    for (let i = 0; i < 2000; i++) timeouts.noteAnswer(`h${i}`, 10);
    expect(timeouts.of('first')).toEqual(CONFIGURED);
  });
});
