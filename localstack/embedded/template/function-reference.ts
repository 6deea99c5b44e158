import type { FunctionPlan } from './stack-plan.ts';

/** By ARN (with or without a qualifier) or name. */
export const functionOf = (reference: unknown, functions: readonly FunctionPlan[]): FunctionPlan | undefined => {
  const text = String(reference).replace(/:\$LATEST$/, '');
  return functions.find(({ name, arn }) => text === name || text === arn);
};
