import { ACCOUNT, REGION, ServiceFault, type JsonServiceHandler } from '../contracts.ts';

export const parameterArn = (name: string): string => `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter${name.startsWith('/') ? '' : '/'}${name}`;

/** What Parameter Store holds from the start: a value, or undefined for a name that it does not know. */
export type ReadParameter = (name: string) => string | undefined;

/** Parameter Store's `GetParameter` and `PutParameter`. What is put is kept in memory only: a secret is never written to this machine's disk. */
export function createParameterService(readParameter: ReadParameter): JsonServiceHandler {
  const put = new Map<string, string>();
  return async (action, { Name: name, Value: value }) => {
    if (typeof name !== 'string') throw new ServiceFault('ValidationException', 'expected the name of a parameter');
    const resource = parameterArn(name);
    if (action === 'PutParameter' && typeof value === 'string') {
      put.set(name, value);
      return { output: { Version: 1, Tier: 'Standard' }, resource };
    }
    if (action !== 'GetParameter') throw new ServiceFault('UnknownOperationException', `The embedded Parameter Store does not know ${action}`);
    const found = put.get(name) ?? readParameter(name);
    if (found === undefined) throw new ServiceFault('ParameterNotFound', `expected a parameter ${name}, there is none`);
    return { output: { Parameter: { Name: name, Type: 'SecureString', Value: found, Version: 1, ARN: resource } }, resource };
  };
}
