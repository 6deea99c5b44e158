import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createLimitControl, type LimitControl, type LimitControlPorts } from '../limiting/limit-control.ts';
import { createLimitSettings } from './limit-settings-table.ts';
import { createLimitTable } from './limit-table.ts';
import { listLimits } from './list-limits.ts';

/** An operator's: it scans the table, which only the API may. */
export const createLimitControlOf = (dynamo: DynamoDBDocumentClient, table: string, options: Pick<LimitControlPorts, 'hostRequestsPerSecond' | 'countWaiting'>): LimitControl =>
  createLimitControl({
    settings: createLimitSettings(dynamo, table),
    table: createLimitTable(dynamo, table),
    listRecords: () => listLimits(dynamo, table),
    ...options,
    clock: Date.now,
  });
