/** What befalls a call: its process dies before or after it, it fails, its answer is lost (and the caller hears so, or tries again by itself), or nothing. */
export type Fate = (call: string) => 'dies before' | 'dies after' | 'fails' | 'answer lost' | 'made twice' | 'never';

/** The first call of this name meets this fate, and nothing else happens. */
export function once(call: string, fate: ReturnType<Fate>): Fate {
  let isOver = false;
  return (name) => (isOver || name !== call ? 'never' : ((isOver = true), fate));
}

/** The call number `index`, from 0 on, meets this fate, and nothing else happens. */
export function atCall(index: number, fate: ReturnType<Fate>): Fate {
  let calls = 0;
  return () => (calls++ === index ? fate : 'never');
}

class InjectedError extends Error {
  override readonly name = 'InjectedError';
}

/** One process: from its death on no call of it happens any more, and it hears of nothing. */
export class Life {
  isDead = false;
  /** Names of the calls that happened. */
  readonly calls = new Set<string>();
  readonly death: Promise<'dead'>;
  readonly #fate: Fate;
  readonly #die: (value: 'dead') => void;

  constructor(fate: Fate) {
    this.#fate = fate;
    ({ promise: this.death, resolve: this.#die } = Promise.withResolvers<'dead'>());
  }

  /** Dies: what waits for this waits for ever. */
  end(): Promise<never> {
    this.isDead = true;
    this.#die('dead');
    return new Promise(() => {});
  }

  /** The port, as this process finds it. */
  spoil<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        // No promise, but a stream: left whole.
        if (name === 'list') return member.bind(target) as unknown;
        return (...parameters: unknown[]) => this.#call(String(name), () => Reflect.apply(member, target, parameters) as Promise<unknown>);
      },
    });
  }

  async #call(name: string, happen: () => Promise<unknown>): Promise<unknown> {
    const fate = this.isDead ? 'dies before' : this.#fate(name);
    if (fate === 'dies before') return this.end();
    if (fate === 'fails') throw new InjectedError(`${name} failed`);
    this.calls.add(name);
    if (fate === 'made twice') await happen();
    const answer = await happen();
    if (fate === 'dies after') return this.end();
    if (fate === 'answer lost') throw new InjectedError(`the answer of ${name} was lost`);
    return answer;
  }
}

/** Runs a step to its end, or to its process's. @returns whether it ended well */
export async function survive(life: Life, step: (life: Life) => Promise<unknown>): Promise<boolean> {
  const ended = step(life).then(
    () => true,
    (error: unknown) => {
      if (error instanceof InjectedError) return false;
      throw error;
    },
  );
  return (await Promise.race([ended, life.death])) === true;
}

/** @returns the answer, or undefined if the process died or heard of a failure */
export async function outlive<T>(life: Life, step: () => Promise<T>): Promise<{ readonly answer: T } | undefined> {
  const ended = step().then(
    (answer) => ({ answer }),
    (error: unknown) => {
      if (error instanceof InjectedError) return undefined;
      throw error;
    },
  );
  const first = await Promise.race([ended, life.death]);
  return first === 'dead' ? undefined : first;
}
