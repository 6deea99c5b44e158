import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { atCall, type Fate, Life, outlive } from './life.ts';

/** Model-based tests of adapters: each move is made on the real thing and on a plain model; afterwards both must look the same. */

/** What a move does to the model. */
export interface Planned<Model, Port> {
  /** What the model passes through, write by write; the last one is the end. A process that dies leaves one of them, or what was before. */
  readonly states: readonly Model[];
  readonly answer: unknown;
  call(port: Port): Promise<unknown>;
}

/** Told with the model as it stands; undefined: there is no sense in it now. */
export type Move<Model, Port> = (model: Model) => Planned<Model, Port> | undefined;

export interface Fault {
  /** Which call to the service of one move it befalls. */
  readonly call: number;
  readonly fate: ReturnType<Fate>;
}

export const faults: fc.Arbitrary<Fault> = fc.record({
  call: fc.constantFrom(0, 0, 0, 1, 1, 2),
  fate: fc.oneof({ weight: 3, arbitrary: fc.constant('never' as const) }, { weight: 2, arbitrary: fc.constantFrom('dies before' as const, 'dies after' as const, 'fails' as const, 'answer lost' as const, 'made twice' as const) }),
});

/** The real thing. */
export interface Subject<Model, Port> {
  /** The port, as a process of this life has it. */
  portOf(life: Life): Port;
  observe(): Promise<unknown>;
  /** What `observe` must find. */
  view(model: Model): unknown;
  /** What must be so after every move, by name. */
  readonly laws: Readonly<Record<string, (before: Model, after: Model) => boolean>>;
}

export interface Box<Model> {
  model: Model;
}

/** One move and what befalls it. */
export class Step<Model, Port> implements fc.AsyncCommand<Box<Model>, Subject<Model, Port>> {
  readonly #name: string;
  readonly #move: Move<Model, Port>;
  readonly #fault: Fault;

  constructor(name: string, move: Move<Model, Port>, fault: Fault) {
    this.#name = name;
    this.#move = move;
    this.#fault = fault;
  }

  check(box: Readonly<Box<Model>>): boolean {
    return this.#move(box.model) !== undefined;
  }

  async run(box: Box<Model>, subject: Subject<Model, Port>): Promise<void> {
    const { states, answer, call } = this.#move(box.model)!;
    const life = new Life(atCall(this.#fault.call, this.#fault.fate));
    const end = await outlive(life, () => call(subject.portOf(life)));
    const allowed = end ? [states.at(-1)!] : [box.model, ...states];
    const found = plain(await subject.observe());
    const reached = allowed.find((model) => isDeepStrictEqual(plain(subject.view(model)), found));
    // Shows what differs from the end.
    if (reached === undefined) return assert.deepEqual(found, plain(subject.view(allowed.at(-1)!)));
    if (end) assert.deepEqual(plain(end.answer), plain(answer));
    const broken = Object.entries(subject.laws).filter(([, holds]) => !holds(box.model, reached));
    assert.deepEqual(broken.map(([law]) => law), []);
    Object.assign(box, { model: reached });
  }

  toString(): string {
    const { call, fate } = this.#fault;
    return `${this.#name}${fate === 'never' ? '' : ` (call ${call} ${fate})`}`;
  }
}

/** Without members that are undefined, and without a table's own keys; sets as sorted lists. */
export function plain(value: unknown): unknown {
  const tidy = (key: string, each: unknown) => {
    if (key === 'pk' || key === 'sort') return undefined;
    return each instanceof Set ? [...(each as Set<number>)].sort((a, b) => a - b) : each;
  };
  return JSON.parse(JSON.stringify({ value }, tidy));
}

/** How often a model-based test runs: MODEL_RUNS=500 for more. */
export const MODEL_RUNS = (usual: number): number => Number(process.env['MODEL_RUNS'] ?? usual);
