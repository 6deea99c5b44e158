import { expect, it } from 'vitest';
import { rememberProbes } from '../../../lambdas/serve-api/probes.ts';

it('a part is asked once in five seconds, whatever it answered', async () => {
  let [now, asked] = [0, 0];
  const probe = rememberProbes({ ledger: async () => (asked++, now < 5000 ? Promise.reject(new Error('down')) : 'up') }, () => now);
  for (now of [0, 1000, 4999]) await expect(probe('ledger')).rejects.toThrow('down');
  expect(asked).toBe(1);
  now = 5000;
  expect(await probe('ledger')).toBe('up');
  expect(asked).toBe(2);
});
