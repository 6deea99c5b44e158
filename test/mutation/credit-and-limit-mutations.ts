import type { Mutation } from './mutation.ts';

const CREDIT_EXPRESSIONS = 'shared/aws/credit-expressions.ts';
const LIMIT_TABLE = 'shared/aws/limit-expressions.ts';
const CREDITS = ['test/unit/protocol/credits.test.ts'];
const LIMITS = ['test/unit/protocol/limits.test.ts'];

export const CREDIT_MUTATIONS: readonly Mutation[] = [
  {
    rule: 'hold-once',
    does: 'credits are reserved again for a run that has a hold',
    file: CREDIT_EXPRESSIONS,
    edits: [{ text: "condition: 'attribute_not_exists(holds.#r) AND balance >= :amount'", instead: "condition: '(attribute_not_exists(holds.#r) OR attribute_exists(pk)) AND balance >= :amount'" }],
    noticedBy: CREDITS,
  },
  {
    rule: 'balance-check',
    does: 'credits are reserved that are not there',
    file: CREDIT_EXPRESSIONS,
    edits: [{ text: "condition: 'attribute_not_exists(holds.#r) AND balance >= :amount'", instead: "condition: 'attribute_not_exists(holds.#r) AND (balance >= :amount OR attribute_exists(pk))'" }],
    noticedBy: CREDITS,
  },
  {
    rule: 'settle-once',
    does: 'a hold that is settled already is settled again',
    file: CREDIT_EXPRESSIONS,
    edits: [{ text: "condition: 'holds.#r = :amount'", instead: "condition: 'holds.#r = :amount OR attribute_exists(pk)'" }],
    noticedBy: CREDITS,
  },
  {
    rule: 'tombstone',
    does: 'a settled hold is removed instead of marked',
    file: CREDIT_EXPRESSIONS,
    edits: [
      { text: "update: 'SET holds.#r = :tombstone, balance", instead: "update: 'REMOVE holds.#r SET balance" },
      { text: "condition: 'holds.#r = :amount'", instead: "condition: 'holds.#r = :amount AND holds.#r <> :tombstone'" },
    ],
    noticedBy: [...CREDITS, 'test/unit/protocol/admission-and-end.test.ts'],
  },
  {
    rule: 'sweep-heals',
    does: 'a refused run is taken off OPEN at once, so that no sweep gives back what a late duplicate holds for it',
    file: 'shared/hold-credits.ts',
    edits: [{ text: '  await settleCredits(record, 0, credits);\n', instead: '  await settleCredits(record, 0, credits);\n  await ledger.takeOffOpen(run);\n' }],
    noticedBy: CREDITS,
  },
  {
    rule: 'sweep-heals',
    does: 'the sweep leaves a failed run as it is',
    file: 'lambdas/sweep-runs/sweep-runs.ts',
    edits: [{ text: 'isFailedForLong(run, ports) && ending.push(run)', instead: 'undefined' }],
    noticedBy: CREDITS,
  },
  {
    rule: 'late-hold',
    does: 'an admission goes on although another delivery of its event was refused',
    file: 'shared/admission.ts',
    edits: [{ text: "    if (current?.state === 'failed') return await giveUp(current, ports);\n", instead: '' }],
    noticedBy: CREDITS,
  },
];

export const LIMIT_MUTATIONS: readonly Mutation[] = [
  {
    rule: 'condition',
    does: 'the busy form has no upper bound',
    file: LIMIT_TABLE,
    edits: [{ text: "condition: 'tat > :now AND tat <= :bound AND gen = :gen'", instead: "condition: 'tat > :now AND (tat <= :bound OR attribute_exists(pk)) AND gen = :gen'" }],
    noticedBy: LIMITS,
  },
  {
    rule: 'idle-condition',
    does: 'a key that is busy is taken for a rested one',
    file: LIMIT_TABLE,
    edits: [{ text: "condition: '(attribute_not_exists(tat) OR tat <= :now) AND", instead: "condition: '(attribute_not_exists(tat) OR tat <= :now OR attribute_exists(pk)) AND" }],
    noticedBy: LIMITS,
  },
  {
    rule: 'unit-starts',
    does: 'every unit of a block starts when the first may',
    file: 'shared/limits.ts',
    edits: [{ text: 'tatAfter - (units - 1 - i) * limit.unitUs', instead: 'tatAfter - (units - 1) * limit.unitUs + 0 * i' }],
    noticedBy: LIMITS,
  },
  {
    rule: 'start-late',
    does: 'a start that was missed is used late instead of reserved anew',
    file: 'shared/http/leased-host-limiter.ts',
    edits: [{ text: 'if (clock() <= startMs + MAX_START_DELAY_MS) return undefined;', instead: 'return undefined;' }],
    noticedBy: LIMITS,
  },
  {
    rule: 'slot-lease',
    does: 'a connection that another worker has is taken',
    file: LIMIT_TABLE,
    edits: [{ text: "condition: 'attribute_not_exists(#slot) OR #slot.#u < :now OR #slot.#o = :me'", instead: "condition: 'attribute_not_exists(#slot) OR #slot.#u < :now OR #slot.#o = :me OR attribute_exists(pk)'" }],
    noticedBy: LIMITS,
  },
  {
    rule: 'slot-owner',
    does: 'a connection that another worker has is given back',
    file: LIMIT_TABLE,
    edits: [{ text: "condition: '#slot.#o = :me' }", instead: "condition: '#slot.#o = :me OR attribute_exists(pk)' }" }],
    noticedBy: LIMITS,
  },
];
