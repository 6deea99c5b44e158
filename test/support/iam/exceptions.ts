import { ACCOUNT, REGION } from '../../../localstack/embedded/contracts.ts';
import type { Grant } from './grants.ts';

/** Grants that a rule does not hold for. Each entry must be needed: one that excuses nothing fails the test. */
interface Exception {
  readonly by: readonly string[];
  /** The pattern itself, not what it matches. */
  readonly on: string;
  /** @default every action, as far as it has no wildcard itself */
  readonly actions?: readonly string[];
  readonly because: string;
}

const WORKERS = ['ProcessBatchStandard', 'ProcessBatchApi', 'ProcessBatchWeb', 'ProcessBatchDocument'];
const FUNCTIONS = ['AdmitRun', 'PlanRun', 'AwaitRun', 'MergeResults', 'FinishRun', 'SweepRuns', 'EraseRuns', 'DispatchBatches', 'ServeApi', ...WORKERS];
const bucket = (name: string): string => `arn:aws:s3:::spillway-${name}`;
const arn = (service: string, resource: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
const apiMethods = (path: string): string => arn('execute-api', `api0000000/prod/${path}`);

/** Every `*` of the template. */
export const WIDE: readonly Exception[] = [
  { by: ['AdmitRun', 'PlanRun', 'SweepRuns', 'EraseRuns', 'ServeApi'], on: `${bucket('manifests')}/*`, because: 'a manifest may have any name, and is known by its event or request' },
  { by: ['AdmitRun', 'FinishRun', 'SweepRuns'], on: `${bucket('manifests')}/*.refused.json`, because: 'a refusal lies beside its manifest' },
  { by: ['ServeApi'], on: `${bucket('manifests')}/*/api/*`, because: "manifests of requests lie below their tenant's and processor's name" },
  { by: ['PlanRun', 'MergeResults', 'FinishRun', 'SweepRuns', 'EraseRuns', 'ServeApi', ...WORKERS], on: `${bucket('results')}/*`, because: "a run's files lie below its tenant and id, which come with the call" },
  { by: ['Run'], on: `${bucket('results')}/*/shards.json`, because: "the list of shards lies below its run's prefix" },
  { by: ['ServeApi', 'ProcessBatchDocument'], on: `${bucket('uploads')}/*`, because: "uploads lie below their tenant's prefix, which comes with the key" },
  { by: ['ProcessBatchApi'], on: arn('ssm', 'parameter/Spillway/apis/*'), because: 'the operator names APIs after the stack is deployed' },
  { by: ['Run'], on: arn('states', 'execution:Spillway-Run:*'), because: "a map's children get their names when they start" },
  { by: ['Run'], on: arn('states', 'execution:Spillway-Run/*'), because: "a map's children get their names when they start" },
  ...FUNCTIONS.map((name) => ({ by: [name], on: arn('logs', `log-group:Spillway-${name}Logs:*`), because: 'Lambda names the streams of the one log group' })),
  {
    by: ['Run'],
    on: '*',
    actions: [
      'logs:CreateLogDelivery', 'logs:GetLogDelivery', 'logs:UpdateLogDelivery', 'logs:DeleteLogDelivery',
      'logs:ListLogDeliveries', 'logs:PutResourcePolicy', 'logs:DescribeResourcePolicies', 'logs:DescribeLogGroups',
    ],
    because: 'AWS defines no resource for the delivery of logs',
  },
  { by: ['apigateway.amazonaws.com'], on: apiMethods('*/'), because: 'any method of the root' },
  { by: ['apigateway.amazonaws.com'], on: apiMethods('*/*'), because: 'one function answers every method of every path' },
];

/** What no flow asks for. */
export const UNSEEN: readonly Exception[] = [
  {
    by: ['PlanRun', 'MergeResults', 'FinishRun', 'SweepRuns', 'ServeApi', ...WORKERS],
    on: `${bucket('results')}/*`,
    actions: ['s3:AbortMultipartUpload'],
    because: 'a file of more than 8 MiB is written in parts, and given up when one of them can not be stored',
  },
  { by: ['ServeApi'], on: `${bucket('manifests')}/*/api/*`, actions: ['s3:AbortMultipartUpload'], because: 'so is the manifest of a request with many items' },
];

/** What the calls of another grant are allowed by as well. */
export const REDUNDANT: readonly Exception[] = [{ by: ['apigateway.amazonaws.com'], on: apiMethods('*/'), because: "the CDK makes a permission for each method of the API, and `*` matches no characters, too" }];

/** AWS's own policies, whose statements are in no template. */
export const MANAGED: Readonly<Record<string, readonly string[]>> = {
  // The account's one log role serves every API in it.
  ApiLogRole: ['arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs'],
};

const excuses = (exception: Exception, { principal, action }: Grant, text: string): boolean =>
  exception.on === text && exception.by.includes(principal) && (exception.actions?.includes(action) ?? true);

const hasWildcard = (text: string): boolean => /[*?]/.test(text);

/** Whether the table explains each wildcard of the grant. It never explains one in an action or for all principals. */
export const isExplained = (grant: Grant, table: readonly Exception[]): boolean =>
  ![grant.action, grant.principal].some(hasWildcard) &&
  [grant.resource, grant.source ?? ''].filter(hasWildcard).every((text) => table.some((exception) => excuses(exception, grant, text)));

export const isExcused = (grant: Grant, table: readonly Exception[]): boolean => table.some((exception) => [grant.resource, grant.source].some((text) => text !== undefined && excuses(exception, grant, text)));

/** Entries that no grant needs. */
export const findIdle = (table: readonly Exception[], grants: readonly Grant[]): string[] =>
  table.flatMap(({ by, on, ...rest }) => by.filter((name) => !grants.some((grant) => isExcused(grant, [{ ...rest, on, by: [name] }]))).map((name) => `${name} ${on}`));
