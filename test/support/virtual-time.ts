export type VirtualTime = ReturnType<typeof createVirtualTime>;

const MAX_TURNS = 400_000;
/** Turns of the event loop after which whoever can go on has gone on. */
const QUIET_TURNS = 5;

/** Time that passes only when everyone waits, and no call is on its way. */
export function createVirtualTime(startMs = 1_700_000_000_000) {
  let now = startMs;
  let calls = 0;
  const timers: { at: number; wake: () => void }[] = [];
  const sleep = (ms: number) => new Promise<void>((wake) => timers.push({ at: now + Math.max(0, ms), wake }));

  async function becomeQuiet(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
      await new Promise(setImmediate);
      if (calls > 0) quiet = -1;
    }
  }

  return {
    clock: () => now,
    sleep,
    /** Time stands still while it is on its way. */
    async call<T>(work: () => Promise<T>): Promise<T> {
      calls++;
      try {
        return await work();
      } finally {
        calls--;
      }
    },
    async run(isDone: () => boolean): Promise<void> {
      for (let turns = 0; !isDone(); turns++) {
        if (turns > MAX_TURNS) throw new Error(`no end after ${now - startMs} ms`);
        await becomeQuiet();
        if (isDone()) return;
        let next = 0;
        for (let i = 1; i < timers.length; i++) if (timers[i]!.at < timers[next]!.at) next = i;
        const [timer] = timers.splice(next, 1);
        if (!timer) throw new Error('everyone waits for nothing');
        now = Math.max(now, timer.at);
        timer.wake();
      }
    },
  };
}
