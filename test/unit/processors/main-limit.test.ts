import { expect, it } from 'vitest';
import { mainLimitPerSecond } from '../../../processors/main-limit.ts';
import { processorOf } from '../../../processors/registry.ts';

const settings = async () => ({ 'api:openai:m1:requests': { unit: 'requests', units: 450, windowMs: 60_000, burst: 1 } }) as const;
const rateOf = (name: string, options: Record<string, unknown>) => mainLimitPerSecond(processorOf(name), options, { settings, hostRequestsPerSecond: 2 });

it('a run of generate goes as fast as its model may be asked, whatever other options it has', async () => {
  expect(await rateOf('generate', { model: 'm1', retries: 2 })).toBeCloseTo(7.48, 2);
  expect(await rateOf('generate', { model: 'other' })).toBeCloseTo(9.8, 1);
});

it('items of other runs share no limit, and options that are wrong say nothing', async () => {
  expect(await rateOf('llms-txt', {})).toBeUndefined();
  expect(await rateOf('generate', {})).toBeUndefined();
  expect(await mainLimitPerSecond(undefined, {}, { settings, hostRequestsPerSecond: 2 })).toBeUndefined();
});
