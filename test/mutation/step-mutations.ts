import type { Mutation } from './mutation.ts';

const SETTLE_BATCH = 'lambdas/process-batch/settle-batch.ts';
const CAREFULLY = 'lambdas/process-batch/work-carefully.ts';
const SWEEP = 'lambdas/sweep-runs/sweep-runs.ts';
const DISPATCH = 'lambdas/dispatch-batches/dispatch-batches.ts';
const FINISH = 'lambdas/finish-run/finish-run.ts';
const MACHINE = 'state-machines/run.asl.json';
const LANE_TABLE = 'shared/aws/lane-table.ts';
const CLAIMS = ['test/unit/protocol/claims.test.ts'];
const CAREFUL = ['test/unit/protocol/careful-mode.test.ts'];
const COMPLETION = ['test/unit/protocol/completion.test.ts'];
const DISPATCHING = ['test/unit/protocol/dispatching.test.ts'];
const PLAN_AND_STOP = ['test/unit/protocol/plan-and-stop.test.ts'];
const ADMISSION = ['test/unit/protocol/admission-and-end.test.ts'];

/** Orders and repetitions in the steps. */
export const STEP_MUTATIONS: readonly Mutation[] = [
  {
    rule: 'part-first',
    does: 'SETTLE before the part is written',
    file: SETTLE_BATCH,
    edits: [
      {
        text: 'const part = await writePart(ports.results, shard,',
        instead: 'let later = async () => {};\n  const store = { write: async (...parameters) => void (later = () => ports.results.write(...parameters)) };\n  const part = await writePart(store, shard,',
      },
      { text: "  return answer.kind === 'settled'", instead: "  await later();\n  return answer.kind === 'settled'" },
    ],
    noticedBy: CLAIMS,
  },
  {
    rule: 'poison-twice',
    does: 'one death at the marked item is enough for PoisonItemError',
    file: 'shared/batch-state.ts',
    edits: [{ text: 'export const POISON_DEATHS = 2;', instead: 'export const POISON_DEATHS = 1;' }],
    noticedBy: CAREFUL,
  },
  {
    rule: 'careful-settle',
    does: 'careful mode settles at the end instead of after every item',
    file: CAREFULLY,
    edits: [
      { text: '  let unended = 0;\n', instead: '  let unended = 0;\n  const ended = [];\n' },
      {
        text: 'if (outcome.rows.length > 0 && !(await hand.settle(outcome.rows, ordinal))) return undefined;',
        instead: 'if (outcome.rows.length > 0) ended.push({ rows: outcome.rows, ordinal });',
      },
      { text: '  // Gives the lease and the mark back.\n', instead: '  for (const { rows, ordinal } of ended) if (!(await hand.settle(rows, ordinal))) return undefined;\n' },
    ],
    noticedBy: CAREFUL,
  },
  {
    rule: 'sweep-done',
    does: 'the sweep does not repeat a lost ADD to DONE',
    file: SWEEP,
    edits: [{ text: '  await repeatDone(run, ports);\n', instead: '' }],
    noticedBy: COMPLETION,
  },
  {
    rule: 'sweep-ack',
    does: 'the sweep does not repeat a lost SendTaskSuccess',
    file: SWEEP,
    edits: [{ text: 'if (isComplete && run.token !== run.acked) await acknowledgeRun(run.run, done, ports);', instead: '' }],
    noticedBy: COMPLETION,
  },
  {
    rule: 'await-look',
    does: 'await-run stores the token and does not look whether the run is complete',
    file: 'lambdas/await-run/await-run.ts',
    edits: [{ text: "if (answer === 'stored') await acknowledgeRun", instead: "if (answer === 'superseded') await acknowledgeRun" }],
    noticedBy: COMPLETION,
  },
  {
    rule: 'await-retry',
    does: 'the Await state waits for ever',
    file: MACHINE,
    edits: [{ text: '      "TimeoutSeconds": 3600,\n', instead: '' }],
    noticedBy: COMPLETION,
  },
  {
    rule: 'await-retry',
    does: 'the Await state is not tried again after its time-out',
    file: MACHINE,
    edits: [{ text: '"States.Timeout"', instead: '"States.HeartbeatTimeout"' }],
    noticedBy: COMPLETION,
  },
  {
    rule: 'sweep-heal',
    does: 'the sweep sends no healing messages to the dispatcher',
    file: SWEEP,
    edits: [{ text: "  if (!isComplete) await ports.dispatchQueue.send({ v: 1, type: 'heal', run: run.run }, `heal/${ports.newNonce()}`);\n", instead: '' }],
    noticedBy: DISPATCHING,
  },
  {
    rule: 'heal-slots',
    does: 'a healing message looks only at the slots of its own run',
    file: DISPATCH,
    edits: [{ text: 'filter(({ run }) => run !== runId)', instead: 'filter(() => false)' }],
    noticedBy: DISPATCHING,
  },
  {
    rule: 'lanes-condition',
    does: 'the dispatcher writes its state over another one’s',
    file: LANE_TABLE,
    edits: [{ text: "ConditionExpression: 'stamp = :before'", instead: "ConditionExpression: 'stamp = :before OR attribute_exists(pk)'" }],
    noticedBy: DISPATCHING,
  },
  {
    rule: 'lanes-condition',
    does: 'a dispatcher that found no state writes over one that came meanwhile',
    file: LANE_TABLE,
    edits: [{ text: "{ ConditionExpression: 'attribute_not_exists(pk)' }", instead: '{}' }],
    noticedBy: DISPATCHING,
  },
  {
    rule: 'own-lanes-write',
    does: 'a refused write of the lanes is never one’s own',
    file: LANE_TABLE,
    edits: [{ text: 'return (await readItem())?.stamp === stamp;', instead: 'return false;' }],
    noticedBy: DISPATCHING,
  },
  {
    rule: 'state-then-send',
    does: 'the dispatcher sends, then writes its state',
    file: DISPATCH,
    edits: [
      { text: '  await sendPicks([...heal.resend, ...picks], ports);\n', instead: '' },
      { text: '  if (!(await ports.lanes.write(', instead: '  await sendPicks([...heal.resend, ...picks], ports);\n  if (!(await ports.lanes.write(' },
    ],
    noticedBy: DISPATCHING,
  },
  {
    rule: 'report-names-q',
    does: 'a report frees the slot whatever q it speaks of',
    file: 'shared/apply-report.ts',
    edits: [{ text: 'if (!entry || entry.q >= report.q) return;', instead: 'if (!entry) return;' }],
    noticedBy: DISPATCHING,
  },
  {
    rule: 'cancel-repeated',
    does: 'the sweep does not repeat a stop that was cut short or came before the plan',
    file: SWEEP,
    edits: [{ text: "  if (checked.state === 'stopping') ending.push(checked);\n", instead: '' }],
    noticedBy: PLAN_AND_STOP,
  },
  {
    rule: 'state-first',
    does: 'workers begin batches of a run that is being stopped',
    file: 'shared/is-held.ts',
    edits: [{ text: "state !== 'open' || paused === true", instead: 'paused === true' }],
    noticedBy: PLAN_AND_STOP,
  },
  {
    rule: 'open-last',
    does: 'finish takes the run off OPEN before it settles the credits',
    file: FINISH,
    edits: [
      { text: '  await ledger.takeOffOpen(runId);\n', instead: '' },
      { text: '  await settleCredits(run,', instead: '  await ledger.takeOffOpen(runId);\n  await settleCredits(run,' },
    ],
    noticedBy: ADMISSION,
  },
  {
    rule: 'finish-idempotent',
    does: 'a repeated finish stops when it sees manifest.json',
    file: FINISH,
    edits: [
      {
        text: '  const manifest = describeRun(',
        instead: '  if (await results.head(`${runPrefix(run.tenant, runId)}${MANIFEST_FILE_NAME}`)) return { v: 1, run: runId, counts };\n  const manifest = describeRun(',
      },
    ],
    noticedBy: ADMISSION,
  },
];
