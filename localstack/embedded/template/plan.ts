import { readFileSync } from 'node:fs';
import { ACCOUNT, REGION, type QueueDefinition, type TableDefinition } from '../contracts.ts';
import { planApi } from './plan-api.ts';
import { planMachine } from './plan-machine.ts';
import type { Assembly } from './assembly.ts';
import { FaultList } from './faults.ts';
import { functionOf } from './function-reference.ts';
import { isRecord, listOf, recordOf, show, type JsonRecord } from './json.ts';
import { planRule } from './plan-rule.ts';
import { resolveTemplate, type ResolvedResource } from './resolve.ts';
import type { BucketPlan, FunctionPlan, MappingPlan, RolePlan, StackPlan } from './stack-plan.ts';

export interface PlanOptions {
  readonly parameters: Readonly<Record<string, string>>;
  readonly queueUrl: (queueName: string) => string;
}

/**
 * Checks and resolves the whole template before anything is made.
 * @throws ConfigurationError naming every fault with its logical id and property path
 */
export function planStack(assembly: Assembly, options: PlanOptions): StackPlan {
  const faults = new FaultList();
  const { stackName, template } = assembly;
  const { resources, outputs } = resolveTemplate({ stackName, template, ...options }, faults);
  // A value that could not be resolved would only lead to faults that mislead.
  faults.throwIfAny(`the template of ${stackName}`);
  const all = (...types: string[]): readonly ResolvedResource[] => resources.filter(({ type }) => types.includes(type));
  const functions = all('AWS::Lambda::Function').map((resource) => planFunction(resource, assembly, all('AWS::Lambda::EventInvokeConfig'), faults));
  const queues = all('AWS::SQS::Queue').map(planQueue);
  const plan: StackPlan = {
    buckets: all('AWS::S3::Bucket').map(planBucket),
    tables: all('AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable').map(planTable),
    queues,
    functions,
    mappings: all('AWS::Lambda::EventSourceMapping').map((resource) => planMapping(resource, queues, functions, faults)),
    rules: all('AWS::Events::Rule').map((resource) => planRule(resource, functions, faults)),
    machines: all('AWS::StepFunctions::StateMachine').map((resource) => planMachine(resource, (key) => readAsset(assembly, key), faults)),
    api: planApi(all('AWS::ApiGateway::RestApi', 'AWS::ApiGateway::Resource', 'AWS::ApiGateway::Method', 'AWS::ApiGateway::Stage'), functions, faults),
    roles: all('AWS::IAM::Role').map((role) => planRole(role, all('AWS::IAM::Policy'), resources)),
    outputs,
  };
  faults.throwIfAny(`the template of ${stackName}`);
  return plan;
}

function readAsset({ assetPath }: Assembly, key: string): string | undefined {
  const path = assetPath(key);
  return path === undefined ? undefined : readFileSync(path, 'utf8');
}

const planBucket = ({ name, properties }: ResolvedResource): BucketPlan => ({
  name,
  isVersioned: recordOf(properties['VersioningConfiguration'])['Status'] === 'Enabled',
  sendsEvents: String(recordOf(recordOf(properties['NotificationConfiguration'])['EventBridgeConfiguration'])['EventBridgeEnabled']) === 'true',
});

const planTable = ({ name, properties }: ResolvedResource): TableDefinition => ({
  name,
  keySchema: properties['KeySchema'] as TableDefinition['keySchema'],
  attributes: properties['AttributeDefinitions'] as TableDefinition['attributes'],
});

const QUEUE_ATTRIBUTES = [
  'ContentBasedDeduplication', 'DeduplicationScope', 'DelaySeconds', 'FifoQueue', 'FifoThroughputLimit',
  'MaximumMessageSize', 'MessageRetentionPeriod', 'ReceiveMessageWaitTimeSeconds', 'RedrivePolicy', 'VisibilityTimeout',
] as const;

function planQueue({ name, properties }: ResolvedResource): QueueDefinition {
  const set = QUEUE_ATTRIBUTES.filter((key) => properties[key] !== undefined);
  return { name, attributes: Object.fromEntries(set.map((key) => [key, attributeText(properties[key])])) };
}

const attributeText = (value: unknown): string => (isRecord(value) ? JSON.stringify(value) : String(value));

/** Lambda's defaults. */
const DEFAULT_MEMORY_MB = 128;
const DEFAULT_TIMEOUT_SECONDS = 3;
const DEFAULT_ASYNC_RETRIES = 2;

function planFunction(resource: ResolvedResource, assembly: Assembly, configs: readonly ResolvedResource[], faults: FaultList): FunctionPlan {
  const { logicalId, name, properties } = resource;
  const key = recordOf(properties['Code'])['S3Key'];
  const codeFolder = assembly.assetPath(String(key));
  if (codeFolder === undefined) faults.add(`${logicalId}.Properties.Code.S3Key`, `there is no asset ${show(key)} in the synthesised folder; run \`npm run synth\` again`);
  const config = recordOf(configs.find(({ properties: { FunctionName: target } }) => target === name)?.properties);
  const onFailure = recordOf(recordOf(config['DestinationConfig'])['OnFailure'])['Destination'];
  const deadLetterArn = onFailure ?? recordOf(properties['DeadLetterConfig'])['TargetArn'];
  if (deadLetterArn !== undefined && !String(deadLetterArn).includes(':sqs:')) faults.add(`${logicalId}.Properties.DeadLetterConfig`, `expected a queue, got ${show(deadLetterArn)}`);
  return {
    logicalId,
    name,
    arn: functionArn(resource),
    codeFolder: codeFolder ?? '',
    handler: String(properties['Handler']),
    environment: readEnvironment(resource, faults),
    timeoutSeconds: Number(properties['Timeout'] ?? DEFAULT_TIMEOUT_SECONDS),
    memoryMb: Number(properties['MemorySize'] ?? DEFAULT_MEMORY_MB),
    deadLetterArn: deadLetterArn === undefined ? undefined : String(deadLetterArn),
    asyncRetries: Number(config['MaximumRetryAttempts'] ?? DEFAULT_ASYNC_RETRIES),
  };
}

const functionArn = ({ name }: ResolvedResource): string => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`;

function readEnvironment({ logicalId, properties }: ResolvedResource, faults: FaultList): Record<string, string> {
  const variables = Object.entries(recordOf(recordOf(properties['Environment'])['Variables']));
  for (const [name, value] of variables) {
    if (typeof value === 'object' || value === undefined) faults.add(`${logicalId}.Properties.Environment.Variables.${name}`, `expected text, got ${show(value)}`);
  }
  return Object.fromEntries(variables.map(([name, value]) => [name, String(value)]));
}

function planMapping(resource: ResolvedResource, queues: readonly QueueDefinition[], functions: readonly FunctionPlan[], faults: FaultList): MappingPlan {
  const { logicalId, properties } = resource;
  const where = `${logicalId}.Properties`;
  const queueArn = String(properties['EventSourceArn']);
  const functionName = functionOf(properties['FunctionName'], functions)?.name;
  if (!queues.some(({ name }) => queueArn === `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`)) faults.add(`${where}.EventSourceArn`, `expected a queue of this template, got ${show(queueArn)}`);
  if (functionName === undefined) faults.add(`${where}.FunctionName`, `expected a function of this template, got ${show(properties['FunctionName'])}`);
  const isFifo = queueArn.endsWith('.fifo');
  const mapping: MappingPlan = {
    logicalId,
    functionName: functionName ?? '',
    queueArn,
    isFifo,
    batchSize: Number(properties['BatchSize'] ?? 10),
    windowSeconds: Number(properties['MaximumBatchingWindowInSeconds'] ?? 0),
    reportsItemFailures: listOf(properties['FunctionResponseTypes']).includes('ReportBatchItemFailures'),
    maximumConcurrency: readMaximumConcurrency(properties),
    isEnabled: String(properties['Enabled'] ?? true) === 'true',
  };
  checkMapping(mapping, where, faults);
  return mapping;
}

function readMaximumConcurrency(properties: JsonRecord): number | undefined {
  const value = recordOf(properties['ScalingConfig'])['MaximumConcurrency'];
  return value === undefined ? undefined : Number(value);
}

/** Lambda's documentation, "Using Lambda with Amazon SQS". */
function checkMapping(mapping: MappingPlan, where: string, faults: FaultList): void {
  const { batchSize, windowSeconds, isFifo, maximumConcurrency } = mapping;
  const largest = isFifo || windowSeconds === 0 ? 10 : 10_000;
  if (!(batchSize >= 1 && batchSize <= largest)) faults.add(`${where}.BatchSize`, `expected 1 to ${largest} for this queue and batching window, got ${batchSize}`);
  if (!(windowSeconds >= 0 && windowSeconds <= 300) || (isFifo && windowSeconds > 0)) {
    faults.add(`${where}.MaximumBatchingWindowInSeconds`, `expected ${isFifo ? '0 for a FIFO queue' : '0 to 300'}, got ${windowSeconds}`);
  }
  if (maximumConcurrency !== undefined && !(maximumConcurrency >= 2 && maximumConcurrency <= 1_000)) {
    faults.add(`${where}.ScalingConfig.MaximumConcurrency`, `expected 2 to 1000, got ${maximumConcurrency}`);
  }
}

function planRole(role: ResolvedResource, policies: readonly ResolvedResource[], resources: readonly ResolvedResource[]): RolePlan {
  const documents = [
    ...listOf(role.properties['Policies']).map((policy) => recordOf(policy)['PolicyDocument']),
    ...policies.filter(({ properties }) => listOf(properties['Roles']).includes(role.ref)).map(({ properties }) => properties['PolicyDocument']),
  ];
  const statements = documents.flatMap((document) => [recordOf(document)['Statement']].flat()).filter(isRecord);
  const taker = resources.find(({ properties }) => [properties['Role'], properties['RoleArn']].some((arn) => typeof arn === 'string' && arn.endsWith(`:role/${role.name}`)));
  return { logicalId: role.logicalId, principal: taker?.logicalId, statements };
}
