import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantSettingsSchema } from '../../shared/tenant-settings.ts';
import type { Fate } from '../support/life.ts';
import { CREDITS_PER_ITEM } from '../support/run-world.ts';
import { type Account, type Stage, startStages } from '../support/world-stage.ts';

let stages: Awaited<ReturnType<typeof startStages>>;
beforeAll(async () => {
  stages = await startStages();
});
afterAll(() => stages.stop());

/** The calls that admission and the end of a run make. */
const CALLS = new Set(['freezePlan', 'hold', 'enter', 'setQueued', 'putShard', 'settle', 'leave', 'shrink', 'markEnded', 'takeOffOpen', 'requestStop']);
const FATES = ['dies before', 'dies after', 'fails', 'answer lost', 'made twice'] as const;
/** Enough for one of the two runs; the rest comes later. */
const START = 4 * CREDITS_PER_ITEM;
const ADDED = 3 * CREDITS_PER_ITEM;

/** Of the named calls the one with this number meets the fate. `isReached` says whether there were so many. */
function spoilCall(index: number, fate: ReturnType<Fate>): { readonly fate: Fate; isReached(): boolean } {
  let calls = 0;
  return { fate: (name) => (CALLS.has(name) && calls++ === index ? fate : 'never'), isReached: () => calls > index };
}

const total = ({ balance, charged, holds }: Account): number => balance + charged + Object.values(holds).reduce((sum: number, hold) => sum + (typeof hold === 'number' ? hold : 0), 0);

interface Scenario {
  readonly name: string;
  readonly fates: readonly (typeof FATES)[number][];
  readonly meanwhile: (stage: Stage, second: string) => Promise<unknown>;
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'both runs end', fates: FATES, meanwhile: async () => undefined },
  { name: 'a waiting run is cancelled', fates: ['dies before', 'dies after'], meanwhile: async ({ world }, second) => world.cancel(second) },
];

/** Two runs, of which the second waits for places, and then for credits; what befalls one call, and what an impatient caller does meanwhile. */
async function play(stage: Stage, spoiled: { readonly fate: Fate }, meanwhile: Scenario['meanwhile']): Promise<void> {
  const { world } = stage;
  await stage.setBalance(START);
  await stage.settings.writeSettings('acme', tenantSettingsSchema.parse({ maxWaitingItems: 4 }));
  await world.upload('acme/noop/a', ['1', '2', '3', '4'], 2);
  const second = await world.upload('acme/noop/b', ['1', '2', '3'], 2);
  world.fate = spoiled.fate;
  const steps = [() => world.stepExecutions(), () => world.dispatch(), () => world.work(), () => world.work(), () => meanwhile(stage, second), () => world.stepExecutions(), () => world.sweep(), () => world.stepExecutions()];
  for (const step of steps) {
    await step();
    expect(total(await stage.readAccount())).toBe(START);
  }
  await stage.addCredits(ADDED);
  await world.sweep();
  await world.settle();
}

describe('at whatever call of admission or end a process dies, fails, is doubled or loses its answer', () => {
  it.each(SCENARIOS)('credits add up and nothing stays held or waiting: $name', async ({ fates, meanwhile }) => {
    let calls = 0;
    for (const fate of fates) {
      for (let index = 0; ; index++) {
        const stage = await stages.newStage();
        const spoiled = spoilCall(index, fate);
        await play(stage, spoiled, meanwhile);
        const account = await stage.readAccount();
        expect({ fate, index, total: total(account), standing: Object.values(account.holds).filter((hold) => typeof hold === 'number') }).toEqual({ fate, index, total: START + ADDED, standing: [] });
        expect(await stage.room.read('acme')).toMatchObject({ waiting: 0, holds: {}, line: {} });
        expect(account.charged % CREDITS_PER_ITEM).toBe(0);
        if (!spoiled.isReached()) break;
        calls++;
      }
    }
    expect(calls).toBeGreaterThan(10 * fates.length);
  });
});
