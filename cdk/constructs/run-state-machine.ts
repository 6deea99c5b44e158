import { ArnFormat, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Effect, Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { SHARD_LIST_NAME } from '../../shared/names.ts';
import { wildcardFinding } from '../permissions.ts';

export interface RunStateMachineProps {
  /** Amazon States Language with `${Name}` for each substitution. */
  readonly definition: string;
  readonly substitutions: Readonly<Record<string, string>>;
  readonly functionArns: readonly string[];
  readonly dispatchQueueArn: string;
  /** Holds the lists that the map reads its shards from. */
  readonly results: Bucket;
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
        allow([props.results.arnForObjects(SHARD_LISTS)], 's3:GetObject'),
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
    this.explainPermissions(props.results);
    this.explainLogs();
  }

  /** A distributed map starts its children as executions of the machine itself; a policy of its own, since the machine waits for the other one. */
  private allowMapChildren(role: Role): void {
    const stack = Stack.of(this);
    const execution = stack.formatArn({ service: 'states', resource: 'execution', resourceName: this.name, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
    const children = CHILD_SUFFIXES.map((suffix) => `${execution}${suffix}`);
    const policy = new Policy(this, 'MapPolicy', {
      roles: [role],
      statements: [allow([this.arn], 'states:StartExecution'), allow(children, 'states:DescribeExecution', 'states:StopExecution')],
    });
    const logicalId = stack.getLogicalId(this.node.defaultChild as CfnStateMachine);
    Validations.of(policy).acknowledge(
      ...CHILD_SUFFIXES.map((suffix) => ({
        id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<${logicalId}.Name>${suffix}]`,
        reason: "A map's children get their names when they start; the pattern covers executions of this state machine alone.",
      })),
    );
  }

  private explainPermissions(results: Bucket): void {
    Validations.of(this).acknowledge(
      { id: wildcardFinding(results, SHARD_LISTS), reason: "The list lies below the run's own prefix; tenant, run and plan are not known before the run." },
      { id: 'AwsSolutions-IAM5[Resource::*]', reason: 'Step Functions needs the log delivery actions to write its log, and AWS defines no resource for them.' },
    );
  }

  private explainLogs(): void {
    const reason = 'A trace for each shard costs more than its message and says less than the ledger, which holds every claim and settlement.';
    Validations.of(this).acknowledge(
      { id: 'AwsSolutions-SF1', reason: 'Errors are logged; Step Functions itself keeps the whole history of each run for 90 days, and a second copy is paid by the event.' },
      { id: 'AwsSolutions-SF2', reason },
      { id: 'Serverless-StepFunctionStateMachineXray', reason },
    );
  }
}

/** AWS's documentation of the distributed map has the first; the second is what a child's own ARN looks like. */
const CHILD_SUFFIXES = [':*', '/*'];

const SHARD_LISTS = `*/${SHARD_LIST_NAME}`;

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
