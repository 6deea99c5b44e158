import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { ConfigurationError } from '../errors.ts';

/** The outputs of a deployed stack, by name; Region and credentials as the SDK finds them. @throws ConfigurationError if there is no such stack */
export async function readStackOutputs(stack: string, region?: string): Promise<Record<string, string>> {
  const client = new CloudFormationClient(region === undefined ? {} : { region });
  try {
    const { Stacks: [found] = [] } = await client.send(new DescribeStacksCommand({ StackName: stack }));
    return Object.fromEntries((found?.Outputs ?? []).map(({ OutputKey: name, OutputValue: value }) => [name, value] as [string, string]));
  } catch (error) {
    throw new ConfigurationError(`expected to read the stack ${stack}${region === undefined ? '' : ` in ${region}`}: ${(error as Error).message || (error as Error).name}`, { cause: error });
  } finally {
    client.destroy();
  }
}
