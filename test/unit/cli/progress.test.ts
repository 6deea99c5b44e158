import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addSample, describeProgress, estimateProgress, formatDuration } from '../../../cli/progress.ts';
import type { Sample } from '../../../cli/progress.ts';

const sample = (seconds: number, done: number, total = 1000): Sample => ({
  at: seconds * 1000,
  counts: { succeeded: done, failed: 0, skipped: 0, pending: total - done, total },
});

const collect = (...samples: Sample[]): Sample[] => samples.reduce<Sample[]>(addSample, []);

describe('rate and remaining time', () => {
  it('need two samples', () => {
    expect(estimateProgress(collect(sample(0, 10)))).not.toHaveProperty('ratePerSecond');
  });

  it('come from the window alone: an early standstill is forgotten', () => {
    const progress = estimateProgress(collect(sample(0, 0), sample(100, 0), sample(110, 100), sample(120, 200)));
    expect(progress).toMatchObject({ ratePerSecond: 10, remainingSeconds: 80, done: 200, percent: 20 });
  });

  it('say nothing of the end while nothing moves', () => {
    const progress = estimateProgress(collect(sample(0, 5), sample(30, 5)));
    expect(progress.ratePerSecond).toBe(0);
    expect(progress).not.toHaveProperty('remainingSeconds');
  });

  it('are exact for a steady pace, however it was sampled', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 50 }), (gaps, rate) => {
        const times = gaps.reduce<number[]>((all, gap) => [...all, all.at(-1)! + gap], [0]);
        const total = 1_000_000;
        const progress = estimateProgress(collect(...times.map((time) => sample(time, time * rate, total))));
        expect(progress.ratePerSecond).toBeCloseTo(rate, 9);
        expect(progress.remainingSeconds).toBeCloseTo((total - times.at(-1)! * rate) / rate, 4);
      }),
    );
  });

  it('never say 100 % while an item is pending', () => {
    expect(estimateProgress([sample(0, 99_999, 100_000)]).percent).toBe(99);
  });
});

it('a line says done, rate, rest, failed and skipped', () => {
  expect(describeProgress(estimateProgress(collect(sample(0, 0, 2000), sample(10, 1234, 2000))))).toBe('1,234/2,000 (61 %), 123/s, 6 s left, 0 failed, 0 skipped');
});

it.each([[0.2, '1 s'], [59.4, '59 s'], [59.6, '1 min'], [3599, '1 h'], [7500, '2 h 5 min']])('%d seconds are %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
