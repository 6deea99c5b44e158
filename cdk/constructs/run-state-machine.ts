import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';

export interface RunStateMachineProps {
  /** Amazon States Language with `${Name}` for each substitution. */
  readonly definition: string;
  readonly substitutions: Readonly<Record<string, string>>;
  readonly functionArns: readonly string[];
  readonly dispatchQueueArn: string;
  /** The objects that the map reads its shards from. */
  readonly shardListArn: string;
}

/** The state machine `run`: plan, fan out, await, merge, finish. */
export class RunStateMachine extends Construct {
  readonly arn: string;
  readonly name: string;

  constructor(scope: Construct, id: string, props: RunStateMachineProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
    const role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('states.amazonaws.com') });
    const policy = new Policy(this, 'Policy', {
      roles: [role],
      statements: [
        allow(props.functionArns, 'lambda:InvokeFunction'),
        allow([props.dispatchQueueArn], 'sqs:SendMessage'),
        allow([props.shardListArn], 's3:GetObject'),
        // AWS: log delivery has no resources to name.
        allow(['*'], ...LOG_DELIVERY_ACTIONS),
      ],
    });
    const machine = new CfnStateMachine(this, 'Default', {
      roleArn: role.roleArn,
      definitionString: JSON.stringify(JSON.parse(props.definition)),
      definitionSubstitutions: { ...props.substitutions },
      stateMachineType: 'STANDARD',
      loggingConfiguration: { level: 'ERROR', includeExecutionData: true, destinations: [{ cloudWatchLogsLogGroup: { logGroupArn: logGroup.logGroupArn } }] },
    });
    // Step Functions tries the log's permission when the machine is made.
    machine.node.addDependency(policy);
    this.arn = machine.ref;
    this.name = machine.attrName;
    this.allowMapChildren(role);
  }

  /** A distributed map starts its children as executions of the machine itself; a policy of its own, since the machine waits for the other one. */
  private allowMapChildren(role: Role): void {
    const children = Stack.of(this).formatArn({ service: 'states', resource: 'execution', resourceName: `${this.name}/*`, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
    new Policy(this, 'MapPolicy', {
      roles: [role],
      statements: [allow([this.arn], 'states:StartExecution'), allow([children], 'states:DescribeExecution', 'states:StopExecution')],
    });
  }
}

const LOG_DELIVERY_ACTIONS = [
  'logs:CreateLogDelivery',
  'logs:GetLogDelivery',
  'logs:UpdateLogDelivery',
  'logs:DeleteLogDelivery',
  'logs:ListLogDeliveries',
  'logs:PutResourcePolicy',
  'logs:DescribeResourcePolicies',
  'logs:DescribeLogGroups',
];

const allow = (resources: readonly string[], ...actions: string[]): PolicyStatement =>
  new PolicyStatement({ effect: Effect.ALLOW, actions, resources: [...resources] });
