import type { Mutation } from './mutation.ts';

const CREDIT_EXPRESSIONS = 'shared/aws/credit-expressions.ts';
const LIMIT_TABLE = 'shared/aws/limit-expressions.ts';
const WAITING = ['test/unit/protocol/waiting.test.ts'];
const CREDITS = ['test/unit/protocol/credits.test.ts'];
const CHANGES = ['test/unit/protocol/limit-changes.test.ts'];
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
    rule: 'end-bars',
    does: 'the end of a run without a hold leaves no mark, so that a late reservation stands for ever',
    file: 'shared/aws/credit-table.ts',
    edits: [{ text: '      await hold({ tenant, run, amount: 0 });\n', instead: '' }],
    noticedBy: CREDITS,
  },
  {
    rule: 'hold-limit',
    does: 'more is charged than was held',
    file: 'shared/aws/credit-table.ts',
    edits: [{ text: 'Math.min(amount, charge)', instead: 'charge' }],
    noticedBy: CREDITS,
  },
  {
    rule: 'budget-exact',
    does: 'what other workers have in work is taken for free',
    file: 'lambdas/process-batch/keep-to-budget.ts',
    edits: [{ text: 'paid - succeeded - inWork', instead: 'paid - succeeded - 0 * inWork' }],
    noticedBy: ['test/unit/protocol/budget.test.ts'],
  },
  {
    rule: 'no-overtaking',
    does: 'a small run gets in although others stand in the line',
    file: 'shared/aws/waiting-room.ts',
    edits: [{ text: 'if (isNext && (await update(', instead: 'if ((isNext || true) && (await update(' }],
    noticedBy: WAITING,
  },
  {
    rule: 'leave-at-end',
    does: 'the end of a run keeps its places until the sweep',
    file: 'lambdas/finish-run/finish-run.ts',
    edits: [{ text: '  await ports.leaveRoom(run);\n', instead: '' }],
    noticedBy: WAITING,
  },
  {
    rule: 'sweep-tends',
    does: 'the sweep leaves places to runs that have ended',
    file: 'lambdas/sweep-runs/tend-rooms.ts',
    edits: [{ text: 'return room.leave(tenant, id);', instead: 'return;' }],
    noticedBy: WAITING,
  },
  {
    rule: 'done-leaves',
    does: 'what is done waits until the end of its run',
    file: 'lambdas/sweep-runs/tend-rooms.ts',
    edits: [{ text: 'items: pending, seen', instead: 'items: seen + 0 * pending, seen' }],
    noticedBy: WAITING,
  },
  {
    rule: 'hold-first',
    does: 'there are batches to send before the credits are held',
    file: 'lambdas/plan-run/plan-run.ts',
    edits: [{ text: '  await ports.letIn(planned);\n  await putShards(planned, ports);\n', instead: '  await putShards(planned, ports);\n  await ports.letIn(planned);\n' }],
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
    edits: [{ text: "    if (current?.state === 'failed') return { kind: 'refused', run, reason: current.error ?? 'failed' };\n", instead: '' }],
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
  {
    rule: 'guarded-refund',
    does: 'units are given back whatever others were promised behind them',
    file: LIMIT_TABLE,
    edits: [{ text: "condition: 'gen = :gen AND (v = :mine OR refd <= :max) AND", instead: "condition: 'gen = :gen AND (v = :mine OR refd <= :max OR attribute_exists(pk)) AND" }],
    noticedBy: CHANGES,
  },
  {
    rule: 'refund-once',
    does: 'a repeated write gives back again',
    file: LIMIT_TABLE,
    edits: [{ text: 'refd <= :max) AND refd = :seen', instead: 'refd <= :max) AND (refd = :seen OR attribute_exists(pk))' }],
    noticedBy: CHANGES,
  },
  {
    rule: 'refund-burst',
    does: 'what is given back leaves no room for the largest call',
    file: 'shared/limit-changes.ts',
    edits: [{ text: 'Math.min(tat - nowUs - 2 * SKEW_US, room)', instead: '(tat - nowUs - 2 * SKEW_US + 0 * room)' }],
    noticedBy: CHANGES,
  },
  {
    rule: 'partial-refund',
    does: 'a first key whose second refused is given back as if it were the last',
    file: 'shared/aws/rate-table.ts',
    edits: [{ text: 'const mine = grant.v ?? -1;', instead: 'const mine = record?.v ?? grant.v ?? -1;' }],
    noticedBy: CHANGES,
  },
  {
    rule: 'future-refd',
    does: 'a reservation whose now lies in the future leaves refd alone',
    file: 'shared/limits.ts',
    edits: [{ text: 'Limit): number => burst * unitUs;', instead: 'Limit): number => 0 * burst * unitUs;' }],
    noticedBy: CHANGES,
  },
  {
    rule: 'pair-exact',
    does: 'a second key may be granted later than the first',
    file: 'shared/limits.ts',
    edits: [{ text: '(isAhead ? { ...limit, maxWaitUs: 0 } : limit)', instead: '(isAhead ? { ...limit } : limit)' }],
    noticedBy: CHANGES,
  },
  {
    rule: 'recheck-gen',
    does: 'a start that was waited for does not read gen again',
    file: 'shared/limiting/limiter.ts',
    edits: [{ text: 'if (waits && (await this.#isVoid(taken))) return false;', instead: 'if (waits && (await this.#isVoid(taken)) && taken.length === 0) return false;' }],
    noticedBy: CHANGES,
  },
  {
    rule: 'start-late',
    does: 'a start that was missed is used late instead of reserved anew',
    file: 'shared/limiting/limiter.ts',
    edits: [{ text: 'return this.#options.clock() <= startMs + MAX_START_DELAY_MS;', instead: 'return this.#options.clock() <= startMs + 1000 * MAX_START_DELAY_MS;' }],
    noticedBy: [...CHANGES, ...LIMITS],
  },
  {
    rule: 'retry-tat',
    does: 'Retry-After lets a whole burst start when it is over',
    file: 'shared/limit-changes.ts',
    edits: [{ text: 'number => pauseUs + (burst - 1) * unitUs;', instead: 'number => pauseUs + 0 * burst * unitUs;' }],
    noticedBy: CHANGES,
  },
  {
    rule: 'retry-gen',
    does: 'Retry-After keeps promises if the record is later already',
    file: LIMIT_TABLE,
    edits: [{ text: "update: 'SET pause = :pause, v = v + :one, gen = gen + :one'", instead: "update: 'SET pause = :pause, v = v + :one'" }],
    noticedBy: CHANGES,
  },
  {
    rule: 'rate-rescale',
    does: 'a change of the rate keeps the debt in time',
    file: 'shared/limit-changes.ts',
    edits: [{ text: '(Math.max(0, tat - nowUs) * to.unitUs) / from.unitUs', instead: '(Math.max(0, tat - nowUs) * from.unitUs) / from.unitUs' }],
    noticedBy: CHANGES,
  },
  {
    rule: 'rate-keeps-pause',
    does: 'a change of the rate shortens a pause',
    file: 'shared/limit-changes.ts',
    edits: [{ text: 'return pause > nowUs ? Math.max(rescaled, tatAfterPause(to, pause)) : rescaled;', instead: 'return pause > nowUs ? rescaled : rescaled;' }],
    noticedBy: CHANGES,
  },
];
