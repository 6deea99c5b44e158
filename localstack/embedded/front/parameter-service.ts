import { ACCOUNT, REGION, ServiceFault, type JsonServiceHandler } from '../contracts.ts';

/** What Parameter Store holds: a value, or undefined for a name that it does not know. */
export type ReadParameter = (name: string) => string | undefined;

/** Parameter Store's `GetParameter`, for values that whoever starts the stack has in hand: nothing of them is stored. */
export function createParameterService(readParameter: ReadParameter): JsonServiceHandler {
  return async (action, { Name: name }) => {
    if (action !== 'GetParameter' || typeof name !== 'string') throw new ServiceFault('UnknownOperationException', `The embedded Parameter Store does not know ${action}`);
    const resource = `arn:aws:ssm:${REGION}:${ACCOUNT}:parameter${name.startsWith('/') ? '' : '/'}${name}`;
    const value = readParameter(name);
    if (value === undefined) throw new ServiceFault('ParameterNotFound', `expected a parameter ${name}, there is none`);
    return { output: { Parameter: { Name: name, Type: 'SecureString', Value: value, Version: 1, ARN: resource } }, resource };
  };
}
