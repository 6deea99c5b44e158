/** What a stack costs while it does nothing: counted from its template. */

interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
export interface BilledTemplate {
  readonly Resources: Readonly<Record<string, TemplateResource>>;
}

/** US dollars, and what an account has free of charge every month, for ever. */
export interface IdlePrices {
  /** `YYYY-MM`, and where. */
  readonly asOf: string;
  readonly sqsRequests: number;
  readonly sqsFifoRequests: number;
  readonly lambdaCalls: number;
  readonly lambdaGbSeconds: number;
  readonly dynamoReads: number;
  readonly logGigabytes: number;
  readonly alarms: number;
  readonly free: { readonly sqsRequests: number; readonly lambdaCalls: number; readonly lambdaGbSeconds: number; readonly logGigabytes: number; readonly alarms: number };
}

/** AWS's price lists, us-east-1; requests, calls and reads in dollars a piece. */
export const IDLE_PRICES: IdlePrices = {
  asOf: '2026-11, us-east-1',
  sqsRequests: 0.4e-6,
  sqsFifoRequests: 0.5e-6,
  lambdaCalls: 0.2e-6,
  lambdaGbSeconds: 0.000_013_333_4,
  dynamoReads: 0.125e-6,
  logGigabytes: 0.5,
  alarms: 0.1,
  free: { sqsRequests: 1_000_000, lambdaCalls: 1_000_000, lambdaGbSeconds: 400_000, logGigabytes: 5, alarms: 10 },
};

type Unit = Exclude<keyof IdlePrices, 'asOf' | 'free'>;

export interface IdleItem {
  readonly logicalId: string;
  readonly what: string;
  readonly unit: Unit;
  /** A month of 30 days. */
  readonly quantity: number;
  readonly dollars: number;
}

const MINUTES_A_MONTH = 30 * 24 * 60;
/** Lambda asks an idle queue with 5 long polls of 20 s at once. */
const POLLS_A_MINUTE = 5 * 3;
/** What is called by schedule and finds nothing to do: its time on 512 MB, the items that it reads, and the lines START, END and REPORT. */
const SCHEDULED: Readonly<Record<string, { readonly what: string; readonly minutes: number; readonly seconds: number; readonly gigabytes: number; readonly reads: number; readonly logBytes: number }>> = {
  'rate(1 minute)': { what: 'the sweep', minutes: 1, seconds: 0.05, gigabytes: 0.5, reads: 3, logBytes: 600 },
  // Its environment is gone after an hour: it begins cold.
  'rate(1 hour)': { what: 'the erasure', minutes: 60, seconds: 1, gigabytes: 0.5, reads: 3, logBytes: 800 },
};

type Count = (resource: TemplateResource, template: BilledTemplate) => readonly Omit<IdleItem, 'logicalId' | 'dollars'>[];

const nothing: Count = () => [];

/** By type: what is billed while nothing happens. `nothing` stands for what is paid by use, or by what lies in it, or never. */
const COUNTS: Readonly<Record<string, Count>> = {
  'AWS::Lambda::EventSourceMapping': countPolls,
  'AWS::Events::Rule': countSchedule,
  'AWS::CloudWatch::Alarm': () => [{ what: 'alarm on one metric', unit: 'alarms', quantity: 1 }],
  // By use.
  'AWS::Lambda::Function': nothing,
  'AWS::SQS::Queue': nothing,
  'AWS::StepFunctions::StateMachine': nothing,
  'AWS::ApiGateway::RestApi': nothing,
  'AWS::SNS::Topic': nothing,
  // By what lies in it: docs/deploying.md.
  'AWS::S3::Bucket': nothing,
  'AWS::DynamoDB::Table': nothing,
  'AWS::Logs::LogGroup': nothing,
  // Never.
  'AWS::ApiGateway::Account': nothing,
  'AWS::ApiGateway::Deployment': nothing,
  'AWS::ApiGateway::Method': nothing,
  'AWS::ApiGateway::Resource': nothing,
  'AWS::ApiGateway::Stage': countCache,
  'AWS::IAM::Policy': nothing,
  'AWS::IAM::Role': nothing,
  'AWS::Lambda::Permission': nothing,
  'AWS::S3::BucketPolicy': nothing,
  'AWS::SNS::Subscription': nothing,
  'AWS::SNS::TopicPolicy': nothing,
  'AWS::SQS::QueuePolicy': nothing,
};

/** @throws RangeError for a type of resource, or a property, of which nobody said what it costs */
export function itemiseIdleCost(template: BilledTemplate, prices: IdlePrices = IDLE_PRICES): IdleItem[] {
  return Object.entries(template.Resources).flatMap(([logicalId, resource]) => {
    const count = COUNTS[resource.Type];
    if (!count) throw new RangeError(`expected to know what ${resource.Type} (${logicalId}) costs while nothing happens: say so in cdk/idle-cost.ts`);
    const paidByTheHour = PAID_BY_THE_HOUR.find((property) => holds(resource.Properties, property));
    if (paidByTheHour) throw new RangeError(`${paidByTheHour} of ${logicalId} is paid by the hour: count it in cdk/idle-cost.ts`);
    return count(resource, template).map((item) => ({ logicalId, ...item, dollars: item.quantity * prices[item.unit] }));
  });
}

export interface IdleSum {
  readonly listed: number;
  /** For an account that uses its free allowances for nothing else. */
  readonly afterFree: number;
}

export function sumIdleCost(items: readonly IdleItem[], prices: IdlePrices = IDLE_PRICES): IdleSum {
  const listed = items.reduce((sum, { dollars }) => sum + dollars, 0);
  const { free } = prices;
  // SQS gives its allowance to both kinds of queue; the cheaper kind is counted, so that nothing looks cheaper than it is.
  const saved = (Object.keys(free) as (keyof typeof free)[]).map((unit) => Math.min(free[unit], quantityOf(items, unit)) * prices[unit]);
  return { listed, afterFree: listed - saved.reduce((sum, dollars) => sum + dollars, 0) };
}

const quantityOf = (items: readonly IdleItem[], unit: Unit): number => items.filter((item) => item.unit === unit).reduce((sum, { quantity }) => sum + quantity, 0);

/** They turn what is paid by use into what is paid by the hour. */
const PAID_BY_THE_HOUR = ['ProvisionedConcurrencyConfig', 'SnapStart', 'ProvisionedThroughput', 'KmsMasterKeyId', 'KMSMasterKeyID', 'KmsKeyId', 'ProvisionedPollerConfig'];

const holds = (value: unknown, property: string): boolean =>
  typeof value === 'object' && value !== null && (Object.hasOwn(value, property) || Object.values(value).some((inner) => holds(inner, property)));

function countPolls({ Properties: { EventSourceArn: source } = {} }: TemplateResource, { Resources: resources }: BilledTemplate): ReturnType<Count> {
  const queue = resources[(source as { 'Fn::GetAtt'?: string[] })['Fn::GetAtt']?.[0] ?? ''];
  if (queue?.Type !== 'AWS::SQS::Queue') throw new RangeError(`expected an event source that is a queue of the stack, got ${JSON.stringify(source)}`);
  const isFifo = queue.Properties?.['FifoQueue'] === true;
  return [{ what: 'empty receives of Lambda', unit: isFifo ? 'sqsFifoRequests' : 'sqsRequests', quantity: POLLS_A_MINUTE * MINUTES_A_MONTH }];
}

/** A rule on events costs nothing while there are none, and a schedule what it calls. */
function countSchedule({ Properties: { ScheduleExpression: schedule } = {} }: TemplateResource): ReturnType<Count> {
  if (schedule === undefined) return [];
  const call = SCHEDULED[String(schedule)];
  if (!call) throw new RangeError(`expected one of ${Object.keys(SCHEDULED).join(', ')}, got ${String(schedule)}: count it in cdk/idle-cost.ts`);
  const { what, minutes, seconds, gigabytes, reads, logBytes } = call;
  const calls = MINUTES_A_MONTH / minutes;
  return [
    { what: `calls of ${what}`, unit: 'lambdaCalls', quantity: calls },
    { what: 'its time', unit: 'lambdaGbSeconds', quantity: calls * seconds * gigabytes },
    { what: 'its reads', unit: 'dynamoReads', quantity: calls * reads },
    { what: 'its log', unit: 'logGigabytes', quantity: (calls * logBytes) / 1e9 },
  ];
}

function countCache({ Properties: { CacheClusterEnabled: hasCache } = {} }: TemplateResource): ReturnType<Count> {
  if (hasCache) throw new RangeError('the cache of an API is paid by the hour: count it in cdk/idle-cost.ts');
  return [];
}
