import { DeleteCommand, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCredits } from '../../shared/aws/credit-table.ts';
import { createLaneStore } from '../../shared/aws/lane-table.ts';
import type { Credits, LaneStore } from '../../shared/ports.ts';
import { startDynamo } from '../support/dynamo-emulator.ts';
import { type Box, faults, MODEL_RUNS, type Move, plain, Step, type Subject } from '../support/model-steps.ts';

let dynamo: Awaited<ReturnType<typeof startDynamo>>;
let tables = 0;
beforeAll(async () => {
  dynamo = await startDynamo();
});
afterAll(() => dynamo.stop());

const newTable = async (...keys: string[]): Promise<string> => {
  const name = `table-${tables++}`;
  await dynamo.createTable(name, keys);
  return name;
};

/** Arbitrary steps of moves by name. */
const stepsOf = <Model, Port>(moves: Readonly<Record<string, { weight: number; move: fc.Arbitrary<Move<Model, Port>> }>>) =>
  fc.tuple(fc.oneof(...Object.entries(moves).map(([name, { weight, move }]) => ({ weight, arbitrary: move.map((each) => ({ name, move: each })) }))), faults).map(([{ name, move }, fault]) => new Step(name, move, fault));

describe('lanes', () => {
  interface Written {
    readonly stamp: string;
    readonly state: unknown;
  }
  interface Write {
    readonly before: string | undefined;
    readonly after: Written;
  }
  interface LaneModel {
    readonly names: number;
    readonly stored: Written | undefined;
    /** What each dispatcher read last. */
    readonly seen: readonly (Written | undefined)[];
    readonly last: Write | undefined;
    /** Stamps that came to stand over another one, in order. */
    readonly stood: readonly string[];
  }
  type LaneMove = Move<LaneModel, { lanes: LaneStore; lose(): Promise<unknown> }>;
  const DISPATCHERS = 2;

  const read = (dispatcher: number): LaneMove => (model) => {
    const after = { ...model, seen: model.seen.map((each, i) => (i === dispatcher ? model.stored : each)) };
    return { states: [after], answer: model.stored, call: ({ lanes }) => lanes.read() };
  };

  /** Only over what was read; one's own write, made again, counts as made. */
  function writeOnce(model: LaneModel, { before, after }: Write): ReturnType<LaneMove> {
    const wins = model.stored?.stamp === before;
    const isMine = wins || model.stored?.stamp === after.stamp;
    const next = wins ? { ...model, stored: after, stood: before === undefined ? model.stood : [...model.stood, after.stamp] } : model;
    return { states: [model, next], answer: isMine, call: ({ lanes }) => lanes.write(before, after) };
  }
  const write = (dispatcher: number): LaneMove => (model) => {
    const last = { before: model.seen[dispatcher]?.stamp, after: { stamp: `stamp ${model.names}`, state: { v: 1, lanes: [model.names], text: 'é'.repeat(model.names) } } };
    return writeOnce({ ...model, names: model.names + 1, last }, last);
  };
  const writeAgain: LaneMove = (model) => model.last && writeOnce(model, model.last);
  const lose: LaneMove = (model) => ({ states: [{ ...model, stored: undefined }], answer: undefined, call: ({ lose }) => lose() });

  const steps = stepsOf<LaneModel, { lanes: LaneStore; lose(): Promise<unknown> }>({
    read: { weight: 3, move: fc.nat(DISPATCHERS - 1).map(read) },
    write: { weight: 4, move: fc.nat(DISPATCHERS - 1).map(write) },
    'write again': { weight: 2, move: fc.constant(writeAgain) },
    'lanes lost': { weight: 1, move: fc.constant(lose) },
  });

  it('are written only over what was read, whatever crashes, is lost or made twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands([steps], { maxCommands: 40, size: 'max' }), async (commands) => {
        const table = await newTable('pk');
        const real: Subject<LaneModel, { lanes: LaneStore; lose(): Promise<unknown> }> = {
          portOf: (life) => {
            const client = life.spoil(dynamo.client);
            return { lanes: createLaneStore(client, table), lose: async () => void (await client.send(new DeleteCommand({ TableName: table, Key: { pk: 'LANES' } }))) };
          },
          observe: () => createLaneStore(dynamo.client, table).read(),
          view: ({ stored }) => stored,
          // A stamp that is gone never comes back, so a late repetition is refused. Only what was written over nothing may come again, when that is lost: soft state.
          laws: { 'no write over another one stands twice': (_, { stood }) => new Set(stood).size === stood.length },
        };
        const box: Box<LaneModel> = { model: { names: 0, stored: undefined, seen: Array.from({ length: DISPATCHERS }, () => undefined), last: undefined, stood: [] } };
        await fc.asyncModelRun(() => ({ model: box, real }), commands);
        expect(plain(await real.observe())).toEqual(plain(box.model.stored));
      }),
      { numRuns: MODEL_RUNS(25), endOnFailure: true },
    );
  });
});

describe('credits', () => {
  interface CreditModel {
    readonly now: number;
    readonly balance: number;
    readonly charged: number;
    /** Amount while it stands, then when it was settled. */
    readonly holds: Readonly<Record<string, { readonly amount: number; readonly settledAt?: number }>>;
    /** What each run was charged; of a run whose tombstone is gone, too. */
    readonly charges: Readonly<Record<string, readonly number[]>>;
    readonly buried: readonly string[];
  }
  type CreditMove = Move<CreditModel, (now: number) => Credits>;
  const DAY_MS = 86_400_000;
  const START = 30;
  const AMOUNT = 10;
  const tenant = 'acme';

  const runName = (n: number) => `r${n}`;
  const passTime = (ms: number): CreditMove => (model) => ({ states: [{ ...model, now: model.now + ms }], answer: undefined, call: async () => undefined });

  /** Tombstones of more than a day go one by one, in whatever order: then the hold. */
  function* burials(model: CreditModel): Generator<CreditModel> {
    const old = Object.entries(model.holds).filter(([, { settledAt }]) => settledAt !== undefined && settledAt < model.now - DAY_MS);
    for (let chosen = 0; chosen < 2 ** old.length; chosen++) {
      const gone = old.filter((_, i) => chosen & (1 << i)).map(([run]) => run);
      yield { ...model, holds: Object.fromEntries(Object.entries(model.holds).filter(([run]) => !gone.includes(run))), buried: [...model.buried, ...gone] };
    }
  }

  const hold = (n: number, amount: number): CreditMove => (model) => {
    const run = runName(n);
    // Nothing of a run lives on a day after its end.
    if (model.buried.includes(run)) return undefined;
    const call = (credits: (now: number) => Credits) => credits(model.now).hold({ tenant, run, amount });
    if (model.holds[run]) return { states: [model], answer: { kind: 'held' }, call };
    const states = [...burials(model)];
    const tidy = states.at(-1)!;
    if (tidy.balance < amount) return { states, answer: { kind: 'refused', balance: tidy.balance }, call };
    const held = { ...tidy, balance: tidy.balance - amount, holds: { ...tidy.holds, [run]: { amount } } };
    return { states: [...states, held], answer: { kind: 'held' }, call };
  };

  const settle = (n: number, charge: number): CreditMove => (model) => {
    const run = runName(n);
    if (model.buried.includes(run)) return undefined;
    const call = (credits: (now: number) => Credits) => credits(model.now).settle({ tenant, run, charge });
    if (model.holds[run]?.settledAt !== undefined) return { states: [model], answer: undefined, call };
    // Without a hold it takes one of nothing first, which buries old ones.
    const before = model.holds[run] ? [model] : [...burials(model)];
    const opened = model.holds[run] ? before : before.concat({ ...before.at(-1)!, holds: { ...before.at(-1)!.holds, [run]: { amount: 0 } } });
    return { states: [...opened, settleIn(opened.at(-1)!, run, charge)], answer: undefined, call };
  };

  const settleIn = (model: CreditModel, run: string, charge: number): CreditModel => {
    const { amount } = model.holds[run]!;
    const cost = Math.min(amount, charge);
    return {
      ...model,
      balance: model.balance + amount - cost,
      charged: model.charged + cost,
      holds: { ...model.holds, [run]: { amount, settledAt: model.now } },
      charges: { ...model.charges, [run]: [...(model.charges[run] ?? []), cost] },
    };
  };

  const standing = ({ holds }: CreditModel) => Object.values(holds).reduce((sum, { amount, settledAt }) => sum + (settledAt === undefined ? amount : 0), 0);
  const steps = stepsOf<CreditModel, (now: number) => Credits>({
    hold: { weight: 4, move: fc.tuple(fc.nat(5), fc.constantFrom(AMOUNT, AMOUNT, 0, 7)).map(([n, amount]) => hold(n, amount)) },
    settle: { weight: 3, move: fc.tuple(fc.nat(5), fc.constantFrom(0, 4, 20)).map(([n, charge]) => settle(n, charge)) },
    'time passes': { weight: 1, move: fc.constantFrom(1000, DAY_MS / 2, DAY_MS + 1).map(passTime) },
  });

  it('balance, holds and charges always add up, none is negative, and no run is charged twice, whatever crashes, is lost or made twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands([steps], { maxCommands: 40, size: 'max' }), async (commands) => {
        const table = await newTable('pk', 'sort');
        const Key = { pk: `TENANT#${tenant}`, sort: 'CREDITS' };
        await dynamo.client.send(new PutCommand({ TableName: table, Item: { ...Key, v: 1, balance: START, charged: 0, holds: {} } }));
        const real: Subject<CreditModel, (now: number) => Credits> = {
          portOf: (life) => (now) => createCredits(life.spoil(dynamo.client), table, () => now),
          observe: async () => (await dynamo.client.send(new GetCommand({ TableName: table, Key, ConsistentRead: true }))).Item,
          view: ({ balance, charged, holds }) => ({
            v: 1,
            balance,
            charged,
            holds: Object.fromEntries(Object.entries(holds).map(([run, { amount, settledAt }]) => [run, settledAt === undefined ? amount : `settled ${settledAt}`])),
          }),
          laws: {
            'balance + held + charged is what there was': (_, after) => after.balance + standing(after) + after.charged === START,
            'no balance is negative': (_, { balance }) => balance >= 0,
            'no run is charged twice': (_, { charges }) => Object.values(charges).every((each) => each.length <= 1),
          },
        };
        const box: Box<CreditModel> = { model: { now: 1_000_000, balance: START, charged: 0, holds: {}, charges: {}, buried: [] } };
        await fc.asyncModelRun(() => ({ model: box, real }), commands);
        expect(plain(await real.observe())).toEqual(plain(real.view(box.model)));
      }),
      { numRuns: MODEL_RUNS(25), endOnFailure: true },
    );
  });
});
