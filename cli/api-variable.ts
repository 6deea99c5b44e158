import { apiVariable } from '../shared/names.ts';

/** Who starts a stack on this machine has the keys of its APIs in the environment, so that they are stored nowhere. @param name an API's, or its parameter's */
export const readApiVariable = (name: string): string | undefined => process.env[apiVariable(name.split('/').at(-1)!)];
