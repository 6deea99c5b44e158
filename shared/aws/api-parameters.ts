import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';

/** Reads APIs that are SecureString parameters below one prefix: one encrypted value for each. @returns undefined if there is none */
export const createParameterReader = (client: SSMClient, prefix: string) => async (name: string): Promise<string | undefined> => {
  try {
    const { Parameter } = await client.send(new GetParameterCommand({ Name: `${prefix}${name}`, WithDecryption: true }));
    return Parameter?.Value;
  } catch (error) {
    if (error instanceof Error && error.name === 'ParameterNotFound') return undefined;
    throw error;
  }
};
