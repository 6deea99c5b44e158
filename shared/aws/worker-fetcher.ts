import { randomUUID } from 'node:crypto';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Configuration } from '../configuration.ts';
import { createHostLimiter } from '../http/leased-host-limiter.ts';
import { createPageFetcher, type GuardedPageFetcher } from '../http/undici-page-fetcher.ts';
import { createLimitSettings } from './limit-settings-table.ts';
import { createLimitTable } from './limit-table.ts';
import { rememberSettings } from '../limiting/settings-store.ts';

/** The variables that a function needs to fetch pages. */
export const FETCH_VARIABLES = ['LIMITS_TABLE', 'ALLOWED_NETWORKS', 'HOST_REQUESTS_PER_SECOND', 'HOST_CONNECTIONS'] as const;

/** What servers see, and the product token that robots.txt is asked for. */
export const USER_AGENT = 'Spillway/0.1';

/** The fetcher of a deployed worker: its limits are counted in the table that all workers share. */
export function createWorkerFetcher(dynamo: DynamoDBDocumentClient, configuration: Configuration<(typeof FETCH_VARIABLES)[number]>): GuardedPageFetcher {
  const limiter = createHostLimiter({
    table: createLimitTable(dynamo, configuration.LIMITS_TABLE),
    owner: randomUUID(),
    requestsPerSecond: configuration.HOST_REQUESTS_PER_SECOND,
    settings: rememberSettings(createLimitSettings(dynamo, configuration.LIMITS_TABLE), Date.now),
    connections: configuration.HOST_CONNECTIONS,
    clock: Date.now,
    random: Math.random,
  });
  return createPageFetcher({ allowedNetworks: configuration.ALLOWED_NETWORKS, limiter, userAgent: USER_AGENT, clock: Date.now });
}
