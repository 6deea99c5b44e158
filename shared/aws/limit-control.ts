import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createLimitControl, type LimitControl } from '../limiting/limit-control.ts';
import { createLimitSettings } from './limit-settings-table.ts';
import { createLimitTable } from './limit-table.ts';
import { listLimits } from './list-limits.ts';

/** The parameter's default: whoever deploys another one names it as `host:*` too. */
const HOST_REQUESTS_PER_SECOND = 2;

/** An operator's: it scans the table, which no function may. */
export const createLimitControlOf = (dynamo: DynamoDBDocumentClient, table: string, countWaiting?: () => Promise<ReadonlyMap<string, number>>): LimitControl =>
  createLimitControl({
    settings: createLimitSettings(dynamo, table),
    table: createLimitTable(dynamo, table),
    listRecords: () => listLimits(dynamo, table),
    hostRequestsPerSecond: HOST_REQUESTS_PER_SECOND,
    ...(countWaiting && { countWaiting }),
    clock: Date.now,
  });
