import { ACCOUNT, REGION, type ServiceCall } from '../../../localstack/embedded/contracts.ts';
import { isRecord, listOf, recordOf } from '../../../localstack/embedded/template/json.ts';
import type { ResolvedResource } from '../../../localstack/embedded/template/resolve.ts';

/**
 * Calls that AWS makes with a role and that no emulator makes, each read off the property that leads to it.
 * So a permission that only they need is proven as the others are: it goes or is missing with the property.
 */
export const impliedCalls = (resources: readonly ResolvedResource[]): ServiceCall[] => resources.flatMap((resource) => IMPLIED[resource.type]?.(resource, resources) ?? []);

const IMPLIED: Readonly<Record<string, (resource: ResolvedResource, all: readonly ResolvedResource[]) => ServiceCall[]>> = {
  'AWS::Lambda::Function': (resource) => [...logCalls(resource), ...deadLetterCalls(resource)],
  // Lambda reads a queue's attributes when it is told to poll it, and goes on to watch them.
  'AWS::Lambda::EventSourceMapping': ({ properties }, all) => {
    const { logicalId = '' } = all.find(({ type, name }) => type === 'AWS::Lambda::Function' && [name].some((text) => String(properties['FunctionName']).endsWith(text))) ?? {};
    return [{ principal: logicalId, action: 'sqs:GetQueueAttributes', resource: String(properties['EventSourceArn']) }];
  },
  // What a rule could not hand to its target.
  'AWS::Events::Rule': ({ name, properties }) =>
    listOf(properties['Targets']).flatMap((target) => {
      const queue = recordOf(recordOf(target)['DeadLetterConfig'])['Arn'];
      return queue === undefined ? [] : [{ principal: 'events.amazonaws.com', action: 'sqs:SendMessage', resource: String(queue), source: `arn:aws:events:${REGION}:${ACCOUNT}:rule/${name}` }];
    }),
  'AWS::StepFunctions::StateMachine': (machine) => [...deliveryCalls(machine), ...childCalls(machine)],
};

function logCalls({ logicalId: principal, properties }: ResolvedResource): ServiceCall[] {
  const group = recordOf(properties['LoggingConfig'])['LogGroup'];
  const resource = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${String(group)}:log-stream:any`;
  return group === undefined ? [] : ['logs:CreateLogStream', 'logs:PutLogEvents'].map((action) => ({ principal, action, resource }));
}

/** An event whose asynchronous invocations all failed. */
function deadLetterCalls({ logicalId: principal, properties }: ResolvedResource): ServiceCall[] {
  const queue = recordOf(properties['DeadLetterConfig'])['TargetArn'];
  return queue === undefined ? [] : [{ principal, action: 'sqs:SendMessage', resource: String(queue) }];
}

/** Step Functions' guide, "Using CloudWatch Logs to log execution history": these eight, on every resource. */
const DELIVERY_ACTIONS = [
  'CreateLogDelivery', 'GetLogDelivery', 'UpdateLogDelivery', 'DeleteLogDelivery', 'ListLogDeliveries', 'PutResourcePolicy', 'DescribeResourcePolicies', 'DescribeLogGroups',
];

const deliveryCalls = ({ logicalId: principal, properties }: ResolvedResource): ServiceCall[] =>
  properties['LoggingConfiguration'] === undefined ? [] : DELIVERY_ACTIONS.map((name) => ({ principal, action: `logs:${name}`, resource: '*' }));

/** Step Functions' guide, "IAM policies for using Distributed Map states". The guide names executions of the machine, a child's own ARN has the map's label in it. */
function childCalls({ logicalId: principal, name, ref, properties }: ResolvedResource): ServiceCall[] {
  const labels = distributedMaps(JSON.parse(String(properties['DefinitionString'])) as unknown);
  const executions = labels.flatMap((label) => [`${name}:any`, `${name}/${label}:any`]).map((path) => `arn:aws:states:${REGION}:${ACCOUNT}:execution:${path}`);
  return [
    ...labels.map(() => ({ principal, action: 'states:StartExecution', resource: ref })),
    ...executions.flatMap((resource) => ['states:DescribeExecution', 'states:StopExecution'].map((action) => ({ principal, action, resource }))),
  ];
}

/** Names of the distributed maps of a definition, also inside others. */
function distributedMaps(flow: unknown): string[] {
  return Object.entries(recordOf(recordOf(flow)['States'])).flatMap(([name, state]) => {
    const processor = recordOf(recordOf(state)['ItemProcessor']);
    const isDistributed = recordOf(processor['ProcessorConfig'])['Mode'] === 'DISTRIBUTED';
    const inner = [processor, ...listOf(recordOf(state)['Branches'])].filter(isRecord).flatMap(distributedMaps);
    return [...(isDistributed ? [String(recordOf(state)['Label'] ?? name)] : []), ...inner];
  });
}
