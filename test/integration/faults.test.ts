import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NamedCall } from '../support/faults/call-names.ts';
import { judgeEvidence } from '../support/faults/judge-evidence.ts';
import { observeRun } from '../support/faults/observe-run.ts';
import type { FaultKind } from '../support/faults/wire-faults.ts';
import { isMutation } from '../support/faults/wire-call.ts';
import { TargetClient } from '../support/target-run.ts';
import { type FaultTarget, startFaultTarget } from '../support/targets/start-fault-target.ts';

/** 40 batches: more than a shard has. */
const RUN = { items: 80, itemsPerBatch: 2, timeoutMs: 240_000, countDeaths: () => 0 };
const FAULTY_PERCENT = 20;

let faultTarget: FaultTarget;
const errors: unknown[] = [];

beforeAll(async () => {
  faultTarget = await startFaultTarget((error) => errors.push(error));
});
afterAll(() => faultTarget?.stop());

/** What the first attempt of a call meets follows from its name and the seed alone. */
function chooseFault({ name, attempt, ...call }: NamedCall, seed: number): FaultKind | undefined {
  const chance = createHash('sha256').update(`${seed} ${name}`).digest();
  if (attempt > 1 || chance.readUInt16BE(0) % 100 >= FAULTY_PERCENT) return undefined;
  const kinds: readonly FaultKind[] = isMutation(call) ? ['fail', 'lose', 'throttle', 'delay'] : ['fail', 'throttle', 'cut'];
  return kinds[chance[2]! % kinds.length];
}

describe(`a run while ${FAULTY_PERCENT} % of all calls fail, are throttled, are late, are cut, or happen and lose their answer`, () => {
  it.each([1, 2])('keeps every promise (seed %i)', async (seed) => {
    const met = new Map<FaultKind, number>();
    let calls = 0;
    faultTarget.front.play({
      judge: (call) => {
        if (call.attempt === 1) calls++;
        const kind = chooseFault(call, seed);
        if (kind !== undefined) met.set(kind, (met.get(kind) ?? 0) + 1);
        return kind;
      },
    });
    const evidence = await observeRun(new TargetClient(faultTarget.target), RUN);
    console.log(`seed ${seed}: ${calls} calls, met ${JSON.stringify(Object.fromEntries(met))}, ${evidence.ms} ms`);
    expect(judgeEvidence(evidence)).toEqual([]);
    expect(errors).toEqual([]);
    expect([...met.keys()].sort()).toEqual(['cut', 'delay', 'fail', 'lose', 'throttle']);
  });
});
