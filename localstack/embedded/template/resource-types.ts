import { ACCOUNT, REGION } from '../contracts.ts';
import type { PropertyRule } from './property-rules.ts';

/** What a resource type may have, must have, and is referred to by. */
export interface ResourceType {
  readonly properties: Readonly<Record<string, PropertyRule>>;
  readonly required: readonly string[];
  /** @param property reads a resolved property of the resource */
  describe(resource: { readonly name: string; readonly logicalId: string; property(name: string): string }): Identity;
}

export interface Identity {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const noEffect = (reason: string): PropertyRule => ({ noEffect: reason });
const ENCRYPTION = noEffect('everything stays on this machine');
const ACCESS_CONTROL = noEffect('the endpoint answers 127.0.0.1 alone; the IAM test reads the statements');
const DESCRIPTION = noEffect('a text for people');
const OBSERVATION = noEffect('logs go to files, there are no metrics, traces or alarms');
const LIFETIME = noEffect('data lasts until its folder is deleted');
const CAPACITY = noEffect('a laptop has what it has');
const DURABILITY = noEffect('a laptop keeps one copy');

const arn = (service: string, resource: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;

const named = (attributes: (name: string) => Record<string, string> = () => ({})): ResourceType['describe'] =>
  ({ name }) => ({ ref: name, attributes: attributes(name) });

const table = {
  properties: {
    AttributeDefinitions: { items: { fields: { AttributeName: 'handled', AttributeType: { only: ['S', 'N', 'B'] } } } },
    KeySchema: { items: { fields: { AttributeName: 'handled', KeyType: { only: ['HASH', 'RANGE'] } } } },
    BillingMode: CAPACITY,
    PointInTimeRecoverySpecification: DURABILITY,
    TimeToLiveSpecification: noEffect('DynamoDB may take days to delete; readers look at the time themselves'),
    SSESpecification: ENCRYPTION,
    DeletionProtectionEnabled: LIFETIME,
    Replicas: DURABILITY,
    TableClass: CAPACITY,
    OnDemandThroughput: CAPACITY,
    WriteOnDemandThroughputSettings: CAPACITY,
  },
  required: ['KeySchema', 'AttributeDefinitions'],
  describe: named((name) => ({ Arn: arn('dynamodb', `table/${name}`), TableId: name })),
} satisfies ResourceType;

/** Every type that the embedded stack knows. */
export const RESOURCE_TYPES: Readonly<Record<string, ResourceType>> = {
  'AWS::S3::Bucket': {
    properties: {
      VersioningConfiguration: { fields: { Status: { only: ['Enabled', 'Suspended'] } } },
      NotificationConfiguration: { fields: { EventBridgeConfiguration: { fields: { EventBridgeEnabled: 'handled' } } } },
      BucketEncryption: ENCRYPTION,
      PublicAccessBlockConfiguration: ACCESS_CONTROL,
      OwnershipControls: ACCESS_CONTROL,
      LifecycleConfiguration: LIFETIME,
      LoggingConfiguration: OBSERVATION,
      CorsConfiguration: noEffect('no browser talks to the buckets offline'),
      Tags: DESCRIPTION,
    },
    required: [],
    describe: named((name) => ({
      Arn: `arn:aws:s3:::${name}`,
      DomainName: `${name}.s3.amazonaws.com`,
      RegionalDomainName: `${name}.s3.${REGION}.amazonaws.com`,
    })),
  },
  'AWS::S3::BucketPolicy': { properties: { Bucket: ACCESS_CONTROL, PolicyDocument: ACCESS_CONTROL }, required: ['Bucket', 'PolicyDocument'], describe: named() },
  'AWS::DynamoDB::Table': table,
  'AWS::DynamoDB::GlobalTable': table,
  'AWS::SQS::Queue': {
    properties: {
      ContentBasedDeduplication: 'handled',
      DeduplicationScope: 'handled',
      DelaySeconds: 'handled',
      FifoQueue: 'handled',
      FifoThroughputLimit: 'handled',
      MaximumMessageSize: 'handled',
      MessageRetentionPeriod: 'handled',
      ReceiveMessageWaitTimeSeconds: 'handled',
      RedriveAllowPolicy: ACCESS_CONTROL,
      RedrivePolicy: { fields: { deadLetterTargetArn: 'handled', maxReceiveCount: 'handled' } },
      VisibilityTimeout: 'handled',
      KmsMasterKeyId: ENCRYPTION,
      SqsManagedSseEnabled: ENCRYPTION,
      Tags: DESCRIPTION,
    },
    required: [],
    describe: named((name) => ({ Arn: arn('sqs', name), QueueName: name, QueueUrl: name })),
  },
  'AWS::SQS::QueuePolicy': { properties: { Queues: ACCESS_CONTROL, PolicyDocument: ACCESS_CONTROL }, required: ['Queues', 'PolicyDocument'], describe: named() },
  'AWS::Lambda::Function': {
    properties: {
      Code: { fields: { S3Bucket: noEffect('bundles are read from the synthesised folder'), S3Key: 'handled' } },
      DeadLetterConfig: { fields: { TargetArn: 'handled' } },
      Environment: { fields: { Variables: 'handled' } },
      Handler: 'handled',
      MemorySize: 'handled',
      PackageType: { only: ['Zip'] },
      Role: 'handled',
      Runtime: { only: ['nodejs24.x', 'nodejs22.x'] },
      Timeout: 'handled',
      Architectures: noEffect('JavaScript runs on either'),
      Description: DESCRIPTION,
      EphemeralStorage: CAPACITY,
      LoggingConfig: OBSERVATION,
      RecursiveLoop: noEffect('nothing stops loops offline'),
      TracingConfig: OBSERVATION,
      Tags: DESCRIPTION,
    },
    required: ['Code', 'Role', 'Handler', 'Runtime'],
    describe: named((name) => ({ Arn: arn('lambda', `function:${name}`) })),
  },
  'AWS::Lambda::EventSourceMapping': {
    properties: {
      BatchSize: 'handled',
      Enabled: 'handled',
      EventSourceArn: 'handled',
      FunctionName: 'handled',
      FunctionResponseTypes: { items: { only: ['ReportBatchItemFailures'] } },
      MaximumBatchingWindowInSeconds: 'handled',
      ScalingConfig: { fields: { MaximumConcurrency: 'handled' } },
      Tags: DESCRIPTION,
    },
    required: ['EventSourceArn', 'FunctionName'],
    describe: named((name) => ({ Id: name, EventSourceMappingArn: arn('lambda', `event-source-mapping:${name}`) })),
  },
  'AWS::Lambda::Permission': {
    properties: { Action: ACCESS_CONTROL, FunctionName: ACCESS_CONTROL, Principal: ACCESS_CONTROL, SourceArn: ACCESS_CONTROL, SourceAccount: ACCESS_CONTROL },
    required: ['Action', 'FunctionName', 'Principal'],
    describe: named(),
  },
  'AWS::Lambda::EventInvokeConfig': {
    properties: {
      DestinationConfig: { fields: { OnFailure: { fields: { Destination: 'handled' } } } },
      FunctionName: 'handled',
      MaximumEventAgeInSeconds: noEffect('an event is given up after its retries, which take seconds offline'),
      MaximumRetryAttempts: 'handled',
      Qualifier: { only: ['$LATEST'] },
    },
    required: ['FunctionName'],
    describe: named(),
  },
  'AWS::IAM::Role': {
    properties: {
      AssumeRolePolicyDocument: 'handled',
      Description: DESCRIPTION,
      ManagedPolicyArns: 'handled',
      Path: DESCRIPTION,
      Policies: 'handled',
      Tags: DESCRIPTION,
    },
    required: ['AssumeRolePolicyDocument'],
    describe: named((name) => ({ Arn: `arn:aws:iam::${ACCOUNT}:role/${name}`, RoleId: name })),
  },
  'AWS::IAM::Policy': {
    properties: { PolicyDocument: 'handled', PolicyName: DESCRIPTION, Roles: 'handled' },
    required: ['PolicyDocument', 'PolicyName', 'Roles'],
    describe: named(),
  },
  'AWS::Logs::LogGroup': {
    properties: { RetentionInDays: OBSERVATION, LogGroupClass: OBSERVATION, KmsKeyId: ENCRYPTION, Tags: DESCRIPTION },
    required: [],
    describe: named((name) => ({ Arn: arn('logs', `log-group:${name}:*`) })),
  },
  'AWS::StepFunctions::StateMachine': {
    properties: {
      Definition: 'handled',
      DefinitionS3Location: { fields: { Bucket: noEffect('definitions are read from the synthesised folder'), Key: 'handled' } },
      DefinitionString: 'handled',
      DefinitionSubstitutions: 'handled',
      RoleArn: 'handled',
      StateMachineType: { only: ['STANDARD'] },
      EncryptionConfiguration: ENCRYPTION,
      LoggingConfiguration: OBSERVATION,
      TracingConfiguration: OBSERVATION,
      Tags: DESCRIPTION,
    },
    required: ['RoleArn'],
    describe: ({ name }) => ({ ref: arn('states', `stateMachine:${name}`), attributes: { Arn: arn('states', `stateMachine:${name}`), Name: name } }),
  },
  'AWS::Events::Rule': {
    properties: {
      Description: DESCRIPTION,
      EventPattern: 'handled',
      ScheduleExpression: 'handled',
      State: { only: ['ENABLED', 'DISABLED'] },
      Targets: {
        items: {
          fields: {
            Arn: 'handled',
            Id: 'handled',
            Input: 'handled',
            DeadLetterConfig: noEffect('it takes what the function can not be handed; offline it always can'),
            RetryPolicy: noEffect('it retries the handing over to the function, which does not fail offline'),
          },
        },
      },
    },
    required: ['Targets'],
    describe: named((name) => ({ Arn: arn('events', `rule/${name}`) })),
  },
  'AWS::ApiGateway::RestApi': {
    properties: { Name: DESCRIPTION, Description: DESCRIPTION, EndpointConfiguration: noEffect('the one endpoint is on 127.0.0.1'), BinaryMediaTypes: 'handled', Policy: ACCESS_CONTROL, Tags: DESCRIPTION },
    required: [],
    describe: ({ logicalId }) => ({ ref: apiId(logicalId), attributes: { RootResourceId: `${logicalId}/`, RestApiId: apiId(logicalId) } }),
  },
  'AWS::ApiGateway::Resource': {
    properties: { ParentId: 'handled', PathPart: 'handled', RestApiId: 'handled' },
    required: ['ParentId', 'PathPart', 'RestApiId'],
    describe: ({ logicalId }) => ({ ref: logicalId, attributes: { ResourceId: logicalId } }),
  },
  'AWS::ApiGateway::Method': {
    properties: {
      ApiKeyRequired: { only: [false] },
      AuthorizationType: { only: ['NONE'] },
      HttpMethod: 'handled',
      Integration: { fields: { IntegrationHttpMethod: { only: ['POST'] }, Type: { only: ['AWS_PROXY'] }, Uri: 'handled', TimeoutInMillis: 'handled' } },
      ResourceId: 'handled',
      RestApiId: 'handled',
    },
    required: ['HttpMethod', 'Integration', 'ResourceId', 'RestApiId'],
    describe: named(),
  },
  'AWS::ApiGateway::Deployment': { properties: { Description: DESCRIPTION, RestApiId: 'handled' }, required: ['RestApiId'], describe: named((name) => ({ DeploymentId: name })) },
  'AWS::ApiGateway::Stage': {
    properties: {
      AccessLogSetting: OBSERVATION,
      DeploymentId: 'handled',
      MethodSettings: noEffect('throttling and logging are the cloud’s; the caller is alone here'),
      RestApiId: 'handled',
      StageName: 'handled',
      TracingEnabled: OBSERVATION,
      Tags: DESCRIPTION,
    },
    required: ['RestApiId', 'StageName', 'DeploymentId'],
    describe: ({ property }) => ({ ref: property('StageName'), attributes: {} }),
  },
  'AWS::ApiGateway::Account': { properties: { CloudWatchRoleArn: OBSERVATION }, required: [], describe: named((name) => ({ Id: name })) },
  'AWS::CloudWatch::Alarm': {
    properties: Object.fromEntries(
      [
        'ActionsEnabled', 'AlarmActions', 'AlarmDescription', 'ComparisonOperator', 'DatapointsToAlarm', 'Dimensions', 'EvaluationPeriods', 'ExtendedStatistic',
        'MetricName', 'Metrics', 'Namespace', 'OKActions', 'Period', 'Statistic', 'Tags', 'Threshold', 'TreatMissingData', 'Unit',
      ].map((name) => [name, OBSERVATION]),
    ),
    required: ['ComparisonOperator', 'EvaluationPeriods'],
    describe: named((name) => ({ Arn: arn('cloudwatch', `alarm:${name}`) })),
  },
  'AWS::CDK::Metadata': { properties: { Analytics: OBSERVATION }, required: [], describe: named() },
};

/** API Gateway: ten lower-case letters and digits. */
const API_ID_LENGTH = 10;
const apiId = (logicalId: string): string => logicalId.toLowerCase().replace(/[^a-z0-9]/g, '').padEnd(API_ID_LENGTH, '0').slice(0, API_ID_LENGTH);
