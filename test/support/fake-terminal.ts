import type { Terminal } from '../../cli/terminal.ts';

/** Keeps what was written; its clock moves only when somebody sleeps. */
export function createFakeTerminal({ isLive = false, isJson = false } = {}): Terminal & { readonly printed: string[]; readonly noted: string[]; readonly lives: string[] } {
  let now = 0;
  const printed: string[] = [];
  const noted: string[] = [];
  const lives: string[] = [];
  return {
    printed,
    noted,
    lives,
    isLive,
    isJson,
    print: (line) => void printed.push(line),
    note: (line) => void noted.push(line),
    live: (line) => void lives.push(line),
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
}
