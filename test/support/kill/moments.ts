import type { ServiceCall } from '../../../localstack/embedded/contracts.ts';

/** A moment in a run's life: right after the `nth` answered call of that kind. Nothing of the process does anything more. */
export interface Moment {
  readonly stage: 'upload' | 'admit' | 'plan' | 'fan out' | 'process' | 'await' | 'merge' | 'finish';
  /** What is done, and what is not. */
  readonly name: string;
  readonly principal: string;
  readonly action: string;
  /** Of the resource's ARN. @default any */
  readonly resource?: RegExp;
  /** From 1. @default 1 */
  readonly nth?: number;
}

/** The run that the moments are made for: three shards of 20, 20 and 8 batches. */
export const KILLED_RUN = { items: 12_000, itemsPerBatch: 250, batches: 48 } as const;

const PROCESS = 'ProcessBatchStandard';
const PART = /\/results\/\d{5}-\d{2}-/;

export const MOMENTS: readonly Moment[] = [
  { stage: 'upload', name: 'the upload is stored, its event not delivered', principal: 'operator', action: 's3:PutObject' },
  { stage: 'admit', name: 'OPEN is written, RUN is not', principal: 'AdmitRun', action: 'dynamodb:PutItem' },
  { stage: 'admit', name: 'RUN is written, its execution not started', principal: 'AdmitRun', action: 'dynamodb:PutItem', nth: 4 },
  { stage: 'plan', name: 'every file is written, the plan not frozen', principal: 'PlanRun', action: 's3:PutObject', resource: /\/shards\.json$/ },
  { stage: 'plan', name: 'the plan is frozen, no shard has a record', principal: 'PlanRun', action: 'dynamodb:UpdateItem' },
  { stage: 'plan', name: 'half of the shards have a record', principal: 'PlanRun', action: 'dynamodb:PutItem', nth: 2 },
  { stage: 'fan out', name: 'half of the shards are sent', principal: 'Run', action: 'sqs:SendMessage', nth: 2 },
  { stage: 'fan out', name: 'slots are taken in the lanes, their batches not sent', principal: 'DispatchBatches', action: 'dynamodb:PutItem' },
  { stage: 'await', name: 'the token is stored, DONE not looked at', principal: 'AwaitRun', action: 'dynamodb:UpdateItem' },
  { stage: 'process', name: 'early: the first batch is claimed', principal: PROCESS, action: 'dynamodb:UpdateItem' },
  { stage: 'process', name: 'in the middle: a part is written, not settled', principal: PROCESS, action: 's3:PutObject', resource: PART, nth: 20 },
  { stage: 'process', name: 'in the middle: a batch is settled and reported, its message still there', principal: PROCESS, action: 'sqs:SendMessage', resource: /Dispatch/, nth: 30 },
  { stage: 'process', name: 'the last part is written, not settled', principal: PROCESS, action: 's3:PutObject', resource: PART, nth: KILLED_RUN.batches },
  { stage: 'process', name: 'the last batch is settled and reported, its shard not in DONE', principal: PROCESS, action: 'sqs:SendMessage', resource: /Dispatch/, nth: KILLED_RUN.batches },
  { stage: 'await', name: 'the token is answered, RUN does not say so', principal: PROCESS, action: 'states:SendTaskSuccess' },
  { stage: 'merge', name: 'merge is called, it has done nothing', principal: 'Run', action: 'lambda:InvokeFunction', resource: /MergeResults/ },
  { stage: 'merge', name: 'the first merged file is written', principal: 'MergeResults', action: 's3:PutObject', resource: /invalid\.ndjson\.gz$/ },
  { stage: 'merge', name: 'every merged file is written, merge not answered', principal: 'MergeResults', action: 's3:PutObject', resource: /merged\.json$/ },
  { stage: 'finish', name: 'all is recounted, manifest.json not written', principal: 'FinishRun', action: 's3:GetObject', resource: /merged\.json$/ },
  { stage: 'finish', name: 'manifest.json is written, RUN not ended', principal: 'FinishRun', action: 's3:PutObject', resource: /\/manifest\.json$/ },
  { stage: 'finish', name: 'RUN is ended, still on OPEN', principal: 'FinishRun', action: 'dynamodb:UpdateItem' },
  { stage: 'finish', name: 'off OPEN, no result is on disk', principal: 'FinishRun', action: 'dynamodb:DeleteItem' },
];

/** A listener of every call that calls `kill` at the moment. */
export function watchFor({ principal, action, resource, nth = 1 }: Moment, kill: () => void): (call: ServiceCall) => void {
  let count = 0;
  return (call) => {
    const isOne = call.principal === principal && call.action === action && (resource?.test(call.resource) ?? true);
    if (isOne && ++count === nth) kill();
  };
}
