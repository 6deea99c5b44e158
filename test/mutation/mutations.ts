import { CREDIT_MUTATIONS, LIMIT_MUTATIONS } from './credit-and-limit-mutations.ts';
import { FAIRNESS_MUTATIONS } from './fairness-mutations.ts';
import { LEDGER_MUTATIONS } from './ledger-mutations.ts';
import type { Mutation } from './mutation.ts';
import { STEP_MUTATIONS } from './step-mutations.ts';

export const MUTATIONS: readonly Mutation[] = [...LEDGER_MUTATIONS, ...STEP_MUTATIONS, ...CREDIT_MUTATIONS, ...LIMIT_MUTATIONS, ...FAIRNESS_MUTATIONS];
