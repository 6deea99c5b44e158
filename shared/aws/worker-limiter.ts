import { randomUUID } from 'node:crypto';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Configuration } from '../configuration.ts';
import { limitForKey, type LimitSettings } from '../limit-settings.ts';
import type { Limiter } from '../limiter.ts';
import { CallLimiter, MAX_WAIT_MS } from '../limiting/limiter.ts';
import { rememberSettings } from '../limiting/settings-store.ts';
import { createLimitSettings } from './limit-settings-table.ts';
import { createLimitTable } from './limit-table.ts';
import { sleep } from './sleep.ts';

/** The variables that a function needs to keep within limits. */
export const LIMITER_VARIABLES = ['LIMITS_TABLE', 'HOST_REQUESTS_PER_SECOND'] as const;

/** The limiter of a deployed worker: rates and settings are in the table that all workers share. */
export function createWorkerLimiter(dynamo: DynamoDBDocumentClient, configuration: Configuration<(typeof LIMITER_VARIABLES)[number]>): { readonly limiter: Limiter; readonly settings: () => Promise<LimitSettings> } {
  const settings = rememberSettings(createLimitSettings(dynamo, configuration.LIMITS_TABLE), Date.now);
  const defaults = { maxWaitMs: MAX_WAIT_MS, hostRequestsPerSecond: configuration.HOST_REQUESTS_PER_SECOND };
  const limiter = new CallLimiter({
    table: createLimitTable(dynamo, configuration.LIMITS_TABLE),
    owner: randomUUID(),
    limitOf: async (key) => limitForKey(key, await settings(), defaults),
    clock: Date.now,
    sleep,
  });
  return { limiter, settings };
}
