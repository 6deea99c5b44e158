import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import type { AwsAccount } from '../deployment.ts';

export interface OperatorAccess {
  /** @default as the AWS SDK finds it */
  readonly region?: string;
  /** Of the AWS configuration files. @default as the AWS SDK finds it */
  readonly profile?: string;
}

/** CDK: every bootstrap with the standard qualifier leaves its version here. */
const BOOTSTRAP_VERSION = '/cdk-bootstrap/hnb659fds/version';

/** Credentials, and what is not given, as the AWS SDK finds them. */
export function createAwsAccount(access: OperatorAccess): AwsAccount {
  return {
    async region() {
      const sts = new STSClient(access);
      // The SDK throws when nothing names one.
      return sts.config.region().then(
        (region) => region || undefined,
        () => undefined,
      );
    },
    async identity() {
      const { Account: account = '', Arn: arn = '' } = await new STSClient(access).send(new GetCallerIdentityCommand());
      return { account, arn };
    },
    async bootstrapVersion() {
      try {
        const { Parameter: parameter } = await new SSMClient(access).send(new GetParameterCommand({ Name: BOOTSTRAP_VERSION }));
        return Number(parameter?.Value);
      } catch (error) {
        if (error instanceof ParameterNotFound) return undefined;
        throw error;
      }
    },
    async concurrency() {
      const { AccountLimit: limit } = await new LambdaClient(access).send(new GetAccountSettingsCommand());
      return limit?.ConcurrentExecutions ?? 0;
    },
    stackStatus: async (stack) => (await describeStack(new CloudFormationClient(access), stack))?.StackStatus,
  };
}

/** @returns undefined if there is no such stack */
export async function describeStack(client: CloudFormationClient, nameOrId: string): Promise<Stack | undefined> {
  try {
    const { Stacks: [stack] = [] } = await client.send(new DescribeStacksCommand({ StackName: nameOrId }));
    return stack;
  } catch (error) {
    if (isNoSuchStack(error)) return undefined;
    throw error;
  }
}

/** CloudFormation has no error of its own for it. */
const isNoSuchStack = (error: unknown): boolean => (error as Error).name === 'ValidationError' && /does not exist/.test((error as Error).message);
