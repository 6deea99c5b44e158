import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Slots } from '../../localstack/embedded/functions/slots.ts';
import { prepareKillingGround, type KillingGround, type ResumedRun } from '../support/kill/killed-run.ts';
import { KILLED_RUN, MOMENTS, type Moment } from '../support/kill/moments.ts';

/** The whole embedded process is killed with SIGKILL at a moment of a run, `spillway run --resume` goes on: nothing is lost, nothing doubled. */

let ground: KillingGround;
const report: string[] = [];
/** Two cores carry two runs side by side. */
const slots = new Slots(2);

beforeAll(async () => {
  ground = await prepareKillingGround();
});
afterAll(() => {
  ground.remove();
  process.stdout.write(`\nkilled when | seconds to the kill | seconds of --resume\n${report.join('\n')}\n`);
});

async function killAndResume(moments: readonly Moment[]): Promise<ResumedRun> {
  await slots.take(new AbortController().signal);
  try {
    const run = ground.open();
    const startedMs = performance.now();
    for (const [i, moment] of moments.entries()) await run.killAt(moment, i === 0 ? 'run' : 'resume');
    const killedMs = performance.now();
    const resumed = await run.resume();
    const seconds = [killedMs - startedMs, performance.now() - killedMs].map((ms) => (ms / 1000).toFixed(1));
    report.push([moments.map(({ stage, name }) => `${stage}: ${name}`).join(', then '), ...seconds].join(' | '));
    return resumed;
  } finally {
    slots.give();
  }
}

/** Every item and the duplicate; the invalid row has no verdict. */
const ALL_LINES = Array.from({ length: KILLED_RUN.items + 1 }, (_, i) => i + 1);

/** What is left of a resumed run once all that must be true of it is taken away. */
function faultsOf({ code, said, lines }: ResumedRun): object {
  const counts = { succeeded: KILLED_RUN.items, failed: 0, skipped: 1, pending: 0, total: KILLED_RUN.items + 1 };
  const expected = { code: 0, state: 'finished', isClean: true, faults: [], counts, lines: ALL_LINES };
  const found = { code, state: said.state, isClean: said.isClean, faults: said.faults, counts: said.counts, lines: lines.toSorted((a, b) => a - b) };
  return Object.fromEntries(Object.entries(found).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(expected[name as keyof typeof expected])));
}

describe.concurrent('a process that is killed when', () => {
  it.each(MOMENTS.map((moment) => [`${moment.stage}: ${moment.name}`, moment] as const))('%s, and resumed', async (_, moment) => {
    expect(faultsOf(await killAndResume([moment]))).toEqual({});
  });
});

const named = (text: string): Moment => MOMENTS.find(({ name }) => name.includes(text))!;

it('a process that is killed again and again while it goes on, and resumed', async () => {
  const moments = ['event not delivered', 'the first batch is claimed', 'RUN not ended'].map(named);
  expect(faultsOf(await killAndResume(moments))).toEqual({});
});
