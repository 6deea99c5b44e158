import { expect, test } from 'vitest';
import { namesIn, readTemplate, renderValue, resourcesOf } from '../support/synthesised-stack.ts';

/** Who may do what: role -> resource -> actions. A change here is a change of what a stolen function could do. */
const PERMISSIONS: Record<string, Record<string, string>> = {
  AdmitRunRole: {
    'Progress.Arn': 'dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem',
    'Manifests.Arn': 's3:ListBucket',
    'Manifests.Arn/*': 's3:GetObject s3:GetObjectVersion',
    'Manifests.Arn/*.refused.json': 's3:PutObject',
    Run: 'states:StartExecution',
    'FailedEvents.Arn': 'sqs:SendMessage',
  },
  PlanRunRole: {
    'Tenants.Arn': 'dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem',
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem',
    'Dispatch.Arn': 'sqs:SendMessage',
    Run: 'states:SendTaskSuccess',
    'Limits.Arn': 'dynamodb:GetItem dynamodb:UpdateItem',
    'Manifests.Arn': 's3:ListBucket',
    'Manifests.Arn/*': 's3:GetObjectVersion',
    'Results.Arn': 's3:ListBucket',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
  },
  DispatchBatchesRole: {
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:GetItem',
    'Lanes.Arn': 'dynamodb:GetItem dynamodb:PutItem',
    'Tenants.Arn': 'dynamodb:GetItem dynamodb:UpdateItem',
    'ApiWork.Arn': 'sqs:SendMessage',
    'StandardWork.Arn': 'sqs:SendMessage',
    'WebWork.Arn': 'sqs:SendMessage',
    'DocumentWork.Arn': 'sqs:SendMessage',
    'Dispatch.Arn': 'sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage',
    'DispatchDeadLetters.Arn': 'sqs:SendMessage',
  },
  ProcessBatchStandardRole: {
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:GetItem dynamodb:UpdateItem',
    'Limits.Arn': 'dynamodb:GetItem dynamodb:UpdateItem',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
    'Dispatch.Arn': 'sqs:SendMessage',
    'StandardWork.Arn': 'sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage',
    'StandardWorkDeadLetters.Arn': 'sqs:SendMessage',
    Run: 'states:SendTaskSuccess',
  },
  ProcessBatchApiRole: {
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:GetItem dynamodb:UpdateItem',
    'Limits.Arn': 'dynamodb:GetItem dynamodb:UpdateItem',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
    'Dispatch.Arn': 'sqs:SendMessage',
    'ApiWork.Arn': 'sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage',
    'ApiWorkDeadLetters.Arn': 'sqs:SendMessage',
    Run: 'states:SendTaskSuccess',
    'arn:AWS::Partition:ssm:AWS::Region:AWS::AccountId:parameter/Spillway/apis/*': 'ssm:GetParameter',
  },
  ProcessBatchWebRole: {
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:GetItem dynamodb:UpdateItem',
    'Limits.Arn': 'dynamodb:GetItem dynamodb:UpdateItem',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
    'Dispatch.Arn': 'sqs:SendMessage',
    'WebWork.Arn': 'sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage',
    'WebWorkDeadLetters.Arn': 'sqs:SendMessage',
    Run: 'states:SendTaskSuccess',
  },
  // It alone reads uploads.
  ProcessBatchDocumentRole: {
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:GetItem dynamodb:UpdateItem',
    'Limits.Arn': 'dynamodb:GetItem dynamodb:UpdateItem',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
    'Uploads.Arn': 's3:ListBucket',
    'Uploads.Arn/*': 's3:GetObject',
    'Dispatch.Arn': 'sqs:SendMessage',
    'DocumentWork.Arn': 'sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage',
    'DocumentWorkDeadLetters.Arn': 'sqs:SendMessage',
    Run: 'states:SendTaskSuccess',
  },
  AwaitRunRole: {
    'Progress.Arn': 'dynamodb:GetItem dynamodb:UpdateItem',
    Run: 'states:SendTaskSuccess',
  },
  MergeResultsRole: {
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:GetItem',
    'Results.Arn': 's3:ListBucket',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
  },
  FinishRunRole: {
    'Tenants.Arn': 'dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem',
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:UpdateItem',
    'Dispatch.Arn': 'sqs:SendMessage',
    'Manifests.Arn/*.refused.json': 's3:PutObject',
    'Results.Arn': 's3:ListBucket',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
  },
  SweepRunsRole: {
    'Tenants.Arn': 'dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem',
    'Manifests.Arn': 's3:ListBucket',
    'Manifests.Arn/*': 's3:GetObject s3:GetObjectVersion',
    'Manifests.Arn/*.refused.json': 's3:PutObject',
    'Dispatch.Arn': 'sqs:SendMessage',
    'FailedEvents.Arn': 'sqs:SendMessage',
    Run: 'states:SendTaskSuccess states:StartExecution',
  },
  // It alone deletes.
  EraseRunsRole: {
    'Progress.Arn': 'dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem',
    'Tenants.Arn': 'dynamodb:Query',
    'Results.Arn': 's3:ListBucket',
    'Results.Arn/*': 's3:DeleteObject',
    'Manifests.Arn/*': 's3:DeleteObjectVersion',
    'FailedEvents.Arn': 'sqs:SendMessage',
  },
  ServeApiRole: {
    'Progress.Arn': 'dynamodb:BatchGetItem dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem',
    'Lanes.Arn': 'dynamodb:GetItem',
    'Limits.Arn': 'dynamodb:GetItem dynamodb:Scan dynamodb:UpdateItem',
    'Tenants.Arn': 'dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:UpdateItem',
    'Manifests.Arn': 's3:ListBucket',
    'Manifests.Arn/*': 's3:GetObject s3:GetObjectVersion',
    'Manifests.Arn/*/api/*': 's3:AbortMultipartUpload s3:PutObject',
    'Uploads.Arn': 's3:ListBucket',
    'Uploads.Arn/*': 's3:GetObject s3:PutObject',
    'Results.Arn': 's3:ListBucket',
    'Results.Arn/*': 's3:AbortMultipartUpload s3:GetObject s3:PutObject',
    'Dispatch.Arn': 'sqs:GetQueueAttributes sqs:SendMessage',
    Run: 'states:ListExecutions states:SendTaskSuccess states:StartExecution',
  },
  RunRole: {
    'PlanRun.Arn': 'lambda:InvokeFunction',
    'AwaitRun.Arn': 'lambda:InvokeFunction',
    'MergeResults.Arn': 'lambda:InvokeFunction',
    'FinishRun.Arn': 'lambda:InvokeFunction',
    'Dispatch.Arn': 'sqs:SendMessage',
    'Results.Arn/*/shards.json': 's3:GetObject',
    // The distributed map starts its children as executions of the same state machine.
    Run: 'states:StartExecution',
    'arn:AWS::Partition:states:AWS::Region:AWS::AccountId:execution:Run.Name:*': 'states:DescribeExecution states:StopExecution',
    'arn:AWS::Partition:states:AWS::Region:AWS::AccountId:execution:Run.Name/*': 'states:DescribeExecution states:StopExecution',
    // AWS defines no resource for log delivery.
    '*': 'logs:CreateLogDelivery logs:DeleteLogDelivery logs:DescribeLogGroups logs:DescribeResourcePolicies logs:GetLogDelivery logs:ListLogDeliveries logs:PutResourcePolicy logs:UpdateLogDelivery',
  },
};

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

const template = readTemplate();

const LOG_ACTIONS = 'logs:CreateLogStream logs:PutLogEvents';

interface Grant {
  readonly role: string;
  readonly resource: string;
  readonly action: string;
}

function listGrants(): Grant[] {
  return resourcesOf(template, 'AWS::IAM::Policy').flatMap(([, { Properties }]) => {
    const { Statement } = Properties['PolicyDocument'] as { Statement: Statement[] };
    return Statement.flatMap((statement) => namesIn(Properties['Roles']).flatMap((role) => grantsOf(statement, role)));
  });
}

function grantsOf({ Effect, Resource, Action }: Statement, role: string): Grant[] {
  expect(Effect).toBe('Allow');
  const actions = [Action].flat();
  return [Resource].flat().flatMap((resource) => actions.map((action) => ({ role, resource: renderValue(resource), action })));
}

function permissionsOfRoles(): Record<string, Record<string, string>> {
  const actions: Record<string, Record<string, Set<string>>> = {};
  for (const { role, resource, action } of listGrants()) ((actions[role] ??= {})[resource] ??= new Set()).add(action);
  return mapValues(actions, (byResource) => mapValues(byResource, (set) => [...set].sort().join(' ')));
}

const mapValues = <In, Out>(record: Record<string, In>, map: (value: In) => Out): Record<string, Out> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));

test('every role may do what is written here, and nothing else', () => {
  const own = mapValues(permissionsOfRoles(), (byResource) => Object.fromEntries(Object.entries(byResource).filter(([, actions]) => actions !== LOG_ACTIONS)));
  expect(own).toEqual(PERMISSIONS);
});

test('every function writes to its own log group alone', () => {
  const permissions = permissionsOfRoles();
  for (const [id, resource] of resourcesOf(template, 'AWS::Lambda::Function')) {
    expect(resource.Properties['LoggingConfig']).toEqual({ LogGroup: { Ref: `${id}Logs` } });
    const logs = Object.entries(permissions[`${id}Role`] ?? {}).filter(([, actions]) => actions.includes('logs:'));
    expect(logs).toEqual([[`${id}Logs.Arn`, LOG_ACTIONS]]);
  }
});

test('every function has a role of its own', () => {
  const roles = resourcesOf(template, 'AWS::Lambda::Function').map(([, { Properties }]) => renderValue(Properties['Role']));
  expect(new Set(roles).size).toBe(roles.length);
});

test('a role that is not in the table belongs to API Gateway, which may write logs', () => {
  const others = resourcesOf(template, 'AWS::IAM::Role').filter(([id]) => !(id in PERMISSIONS));
  expect(others.map(([id, { Properties }]) => [id, [Properties['ManagedPolicyArns']].flat().map(renderValue)])).toEqual([
    ['ApiLogRole', ['arn:AWS::Partition:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs']],
  ]);
});

test('no role carries policies outside the standalone ones', () => {
  for (const [id, { Properties }] of resourcesOf(template, 'AWS::IAM::Role')) {
    expect(Properties, id).not.toHaveProperty('Policies');
    if (id in PERMISSIONS) expect(Properties, id).not.toHaveProperty('ManagedPolicyArns');
  }
});
