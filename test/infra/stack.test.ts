import { describe, expect, test } from 'vitest';
import { WORKER_CLASSES, windowOf } from '../../cdk/worker-classes.ts';
import { namesIn, readTemplate, renderValue, resourcesOf } from '../support/synthesised-stack.ts';

const template = readTemplate();

/** A renamed id is a replaced resource: its data is gone. */
const FIXED_IDS: Record<string, string[]> = {
  'AWS::S3::Bucket': ['Manifests', 'Results', 'Uploads'],
  'AWS::DynamoDB::Table': ['Lanes', 'Limits', 'Progress', 'Tenants'],
  'AWS::SQS::Queue': ['ApiWork', 'ApiWorkDeadLetters', 'Dispatch', 'DispatchDeadLetters', 'DocumentWork', 'DocumentWorkDeadLetters', 'FailedEvents', 'StandardWork', 'StandardWorkDeadLetters', 'WebWork', 'WebWorkDeadLetters'],
  'AWS::Lambda::Function': [
    'AdmitRun',
    'AwaitRun',
    'DispatchBatches',
    'EraseRuns',
    'FinishRun',
    'MergeResults',
    'PlanRun',
    'ProcessBatchApi',
    'ProcessBatchDocument',
    'ProcessBatchStandard',
    'ProcessBatchWeb',
    'ServeApi',
    'SweepRuns',
  ],
  'AWS::Lambda::EventSourceMapping': ['DispatchBatchesSource', 'ProcessBatchApiSource', 'ProcessBatchDocumentSource', 'ProcessBatchStandardSource', 'ProcessBatchWebSource'],
  'AWS::StepFunctions::StateMachine': ['Run'],
  'AWS::Events::Rule': ['EveryHour', 'EveryMinute', 'ManifestUploaded'],
  'AWS::ApiGateway::RestApi': ['Api'],
  'AWS::ApiGateway::Stage': ['ApiDeploymentStageprod'],
};

/** All that the embedded stack and LocalStack have to understand. */
const OTHER_TYPES = [
  'AWS::ApiGateway::Account',
  'AWS::ApiGateway::Deployment',
  'AWS::ApiGateway::Method',
  'AWS::ApiGateway::Resource',
  'AWS::CloudWatch::Alarm',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::S3::BucketPolicy',
  'AWS::SQS::QueuePolicy',
];

const idsOf = (type: string): string[] => resourcesOf(template, type).map(([id]) => id).sort();

describe('the template', () => {
  test.each(Object.entries(FIXED_IDS))('names its %s as before', (type, ids) => {
    expect(idsOf(type)).toEqual(ids);
  });

  test('has the outputs and parameters that the CLI and the tests go by', () => {
    expect(Object.keys(template.Outputs).sort()).toEqual([
      'ApiUrl',
      'ApisPrefix',
      'DeadLetterQueues',
      'DispatchQueueUrl',
      'LanesTable',
      'LimitsTable',
      'ManifestsBucket',
      'ProgressTable',
      'ResultsBucket',
      'StateMachineArn',
      'TenantsTable',
      'UploadsBucket',
    ]);
    expect(Object.keys(template.Parameters).sort()).toEqual(['AllowedNetworks', 'HostConnections', 'HostRequestsPerSecond', 'LogLevel']);
  });

  test('has no type but the known ones, so no custom resource', () => {
    const types = new Set(Object.values(template.Resources).map(({ Type }) => Type));
    expect([...types].filter((type) => !(type in FIXED_IDS) && !OTHER_TYPES.includes(type))).toEqual([]);
  });

  test('gives nothing a physical name, so that two stacks fit into one account', () => {
    const names = ['BucketName', 'TableName', 'QueueName', 'FunctionName', 'RoleName', 'StateMachineName', 'LogGroupName', 'AlarmName', 'ManagedPolicyName'];
    for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
      // Here it says which function is meant.
      const own = names.filter((name) => !(name === 'FunctionName' && Type !== 'AWS::Lambda::Function'));
      expect(Object.keys(Properties ?? {}).filter((key) => own.includes(key)), id).toEqual([]);
      if (Type === 'AWS::Events::Rule') expect(Properties, id).not.toHaveProperty('Name');
    }
  });

  test('refers to nothing that it does not have', () => {
    const known = new Set([...Object.keys(template.Resources), ...Object.keys(template.Parameters)]);
    const unknown = [...namesIn(template.Resources), ...namesIn(template.Outputs)].filter((name) => !known.has(name) && !name.startsWith('AWS::'));
    expect(unknown).toEqual([]);
  });

  test('has no circle of references', () => {
    const done = new Set<string>();
    const visit = (id: string, path: readonly string[]): void => {
      expect(path, `circle through ${id}`).not.toContain(id);
      if (done.has(id)) return;
      const resource = template.Resources[id];
      if (resource) for (const next of [...namesIn(resource.Properties), ...[resource.DependsOn ?? []].flat()]) visit(next, [...path, id]);
      done.add(id);
    };
    for (const id of Object.keys(template.Resources)) visit(id, []);
  });
});

describe('stored data', () => {
  test('outlives the stack', () => {
    for (const type of ['AWS::S3::Bucket', 'AWS::DynamoDB::Table']) {
      for (const [id, resource] of resourcesOf(template, type)) expect(resource.DeletionPolicy, id).toBe('Retain');
    }
  });

  test('in buckets is private, encrypted and without leftovers of broken uploads', () => {
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::S3::Bucket')) {
      expect(Properties, id).toMatchObject({
        BucketEncryption: { ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }] },
        PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
        LifecycleConfiguration: { Rules: [expect.objectContaining({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } })] },
      });
    }
  });

  test('only the manifests have versions, and only they send events', () => {
    const having = (property: string) => resourcesOf(template, 'AWS::S3::Bucket').filter(([, { Properties }]) => property in Properties).map(([id]) => id);
    expect(having('VersioningConfiguration')).toEqual(['Manifests']);
    expect(having('NotificationConfiguration')).toEqual(['Manifests']);
    expect(template.Resources['Manifests']?.Properties['NotificationConfiguration']).toEqual({ EventBridgeConfiguration: { EventBridgeEnabled: true } });
  });

  test('in tables can be restored where a loss could not be healed', () => {
    const recoverable = resourcesOf(template, 'AWS::DynamoDB::Table')
      .filter(([, { Properties }]) => (Properties['PointInTimeRecoverySpecification'] as { PointInTimeRecoveryEnabled: boolean }).PointInTimeRecoveryEnabled)
      .map(([id]) => id);
    expect(recoverable.sort()).toEqual(['Progress', 'Tenants']);
  });

  test.each([
    ['Progress', ['pk', 'sort']],
    ['Tenants', ['pk', 'sort']],
    ['Lanes', ['pk']],
    ['Limits', ['pk']],
  ])('table %s has the keys %s', (id, keys) => {
    const schema = template.Resources[id]?.Properties['KeySchema'] as { AttributeName: string }[];
    expect(schema.map(({ AttributeName }) => AttributeName)).toEqual(keys);
  });

  test.each([
    ['AWS::S3::Bucket', 'AWS::S3::BucketPolicy', 'Bucket'],
    ['AWS::SQS::Queue', 'AWS::SQS::QueuePolicy', 'Queues'],
  ])('of every %s travels over TLS only', (type, policyType, property) => {
    const guarded = resourcesOf(template, policyType)
      .filter(([, { Properties }]) => JSON.stringify(Properties).includes('{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"'))
      .flatMap(([, { Properties }]) => namesIn(Properties[property]));
    expect(guarded.sort()).toEqual(idsOf(type));
  });
});

describe('queues', () => {
  const isDeadLetterQueue = (id: string): boolean => id.endsWith('DeadLetters') || id === 'FailedEvents';
  const deadLetterQueueOf = (id: string): string | undefined => {
    const policy = template.Resources[id]?.Properties['RedrivePolicy'] as { deadLetterTargetArn: unknown; maxReceiveCount: number } | undefined;
    return policy && renderValue(policy.deadLetterTargetArn).replace('.Arn', '');
  };

  test('park what cannot be handled in a dead-letter queue of the same kind, after 5 receives', () => {
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::SQS::Queue')) {
      if (isDeadLetterQueue(id)) continue;
      expect(Properties['RedrivePolicy'], id).toMatchObject({ maxReceiveCount: 5 });
      expect(deadLetterQueueOf(id)).toBe(`${id}DeadLetters`);
      expect(template.Resources[`${id}DeadLetters`]?.Properties['FifoQueue']).toBe(Properties['FifoQueue']);
    }
  });

  test('for dead letters raise an alarm with their first message', () => {
    const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm').filter(([id]) => id !== 'LaneDriftAlarm');
    const watched = alarms.map(([, { Properties }]) => {
      expect(Properties).toMatchObject({ MetricName: 'ApproximateNumberOfMessagesVisible', Threshold: 1, ComparisonOperator: 'GreaterThanOrEqualToThreshold' });
      return namesIn(Properties['Dimensions'])[0];
    });
    expect(watched.sort()).toEqual(idsOf('AWS::SQS::Queue').filter(isDeadLetterQueue));
  });

  test('for dead letters are known to the CLI, each with the queue that it stands behind', () => {
    const listed = JSON.parse(renderValue(template.Outputs['DeadLetterQueues']?.Value)) as Record<string, { url: string; source?: string }>;
    expect(Object.values(listed).map(({ url }) => url).sort()).toEqual(idsOf('AWS::SQS::Queue').filter(isDeadLetterQueue));
    for (const [name, { url, source }] of Object.entries(listed)) expect([name, source && deadLetterQueueOf(source)]).toEqual([source ?? 'FailedEvents', source && url]);
  });

  test('that drift from the ledger again and again raise an alarm on the metric that the dispatcher writes', () => {
    const { Properties } = template.Resources['LaneDriftAlarm']!;
    const { Variables } = template.Resources['DispatchBatches']!.Properties['Environment'] as { Variables: Record<string, string> };
    expect(Properties).toMatchObject({ MetricName: 'LaneDrift', Namespace: Variables['POWERTOOLS_METRICS_NAMESPACE'], Statistic: 'Sum' });
    expect(Properties['Dimensions']).toEqual([{ Name: 'service', Value: Variables['POWERTOOLS_SERVICE_NAME'] }]);
  });

  test('are encrypted', () => {
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::SQS::Queue')) expect(Properties['SqsManagedSseEnabled'], id).toBe(true);
  });

  test('hide a message for at least 6 x the time-out of the function that reads it', () => {
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::Lambda::EventSourceMapping')) {
      const queue = template.Resources[namesIn(Properties['EventSourceArn'])[0]!]!;
      const reader = template.Resources[namesIn(Properties['FunctionName'])[0]!]!;
      expect(queue.Properties['VisibilityTimeout'], id).toBeGreaterThanOrEqual(6 * Number(reader.Properties['Timeout']));
      expect(Properties['FunctionResponseTypes'], id).toEqual(['ReportBatchItemFailures']);
    }
  });

  test('the dispatch queue is FIFO, and its senders name their messages', () => {
    const { Properties } = template.Resources['Dispatch']!;
    expect(Properties['FifoQueue']).toBe(true);
    for (const property of ['ContentBasedDeduplication', 'FifoThroughputLimit', 'DeduplicationScope']) expect(Properties).not.toHaveProperty(property);
  });
});

describe('functions', () => {
  test('run on Node 24 and arm64, each with a log group that forgets after 30 days', () => {
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::Lambda::Function')) {
      expect(Properties, id).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' });
      expect(template.Resources[`${id}Logs`]?.Properties, id).toEqual({ RetentionInDays: 30 });
    }
  });

  test('reserve no concurrency, which a new account could not give', () => {
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::Lambda::Function')) expect(Properties, id).not.toHaveProperty('ReservedConcurrentExecutions');
  });

  test('of every worker class run the same bundle, with its own memory, time-out, queue and concurrency', () => {
    const codes = Object.entries(WORKER_CLASSES).map(([name, { memoryMb, timeoutSeconds, maximumConcurrency }]) => {
      const pascal = `${name[0]!.toUpperCase()}${name.slice(1)}`;
      const worker = template.Resources[`ProcessBatch${pascal}`]!.Properties;
      expect(worker).toMatchObject({ MemorySize: memoryMb, Timeout: timeoutSeconds });
      expect((worker['Environment'] as { Variables: object }).Variables).toMatchObject({ WORKER_CLASS: name });
      const source = template.Resources[`ProcessBatch${pascal}Source`]!.Properties;
      expect(source).toMatchObject({ BatchSize: 1, ScalingConfig: { MaximumConcurrency: maximumConcurrency } });
      expect(renderValue(source['EventSourceArn'])).toBe(`${pascal}Work.Arn`);
      return worker['Code'];
    });
    expect(new Set(codes.map((code) => JSON.stringify(code))).size).toBe(1);
  });

  test('that form a circle with a queue may do so: Lambda stops others after 16 rounds', () => {
    const allowed = resourcesOf(template, 'AWS::Lambda::Function').filter(([, { Properties }]) => Properties['RecursiveLoop'] === 'Allow');
    expect(allowed.map(([id]) => id).sort()).toEqual(['DispatchBatches', 'ProcessBatchApi', 'ProcessBatchDocument', 'ProcessBatchStandard', 'ProcessBatchWeb']);
  });

  test('the dispatcher knows the queue and the window of every worker class', () => {
    const { Variables } = template.Resources['DispatchBatches']!.Properties['Environment'] as { Variables: Record<string, unknown> };
    expect(JSON.parse(renderValue(Variables['WORK_QUEUE_URLS']))).toEqual({ standard: 'StandardWork', api: 'ApiWork', web: 'WebWork', document: 'DocumentWork' });
    const windows = Object.fromEntries(Object.entries(WORKER_CLASSES).map(([name, workerClass]) => [name, windowOf(workerClass)]));
    expect(JSON.parse(renderValue(Variables['WINDOWS']))).toEqual(windows);
  });

  test('called by events keep what fails', () => {
    for (const id of ['AdmitRun', 'EraseRuns', 'SweepRuns']) {
      expect(template.Resources[id]?.Properties['DeadLetterConfig'], id).toEqual({ TargetArn: { 'Fn::GetAtt': ['FailedEvents', 'Arn'] } });
    }
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::Events::Rule')) {
      const [target] = Properties['Targets'] as { DeadLetterConfig: { Arn: unknown } }[];
      expect(renderValue(target?.DeadLetterConfig.Arn), id).toBe('FailedEvents.Arn');
    }
  });
});

test('every substitution of the state machine has a value, and none is given in vain', () => {
  const { DefinitionString, DefinitionSubstitutions } = template.Resources['Run']!.Properties as { DefinitionString: string; DefinitionSubstitutions: object };
  const used = new Set([...DefinitionString.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
  expect([...used].sort()).toEqual(Object.keys(DefinitionSubstitutions).sort());
});
