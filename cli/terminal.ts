/** Where a command writes and how it waits. Results go to stdout, everything on the way to stderr. */
export interface Terminal {
  /** A line on stdout. */
  print(line: string): void;
  /** A line on stderr. */
  note(line: string): void;
  /** Replaces the live line on stderr; only on a terminal. */
  live(line: string): void;
  /** stderr is a terminal. */
  readonly isLive: boolean;
  readonly isJson: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const ERASE_LINE = '\r\u001B[2K';

/** The real one. */
export function createTerminal({ isJson }: { readonly isJson: boolean }): Terminal {
  const isLive = process.stderr.isTTY && !isJson;
  let hasLiveLine = false;
  const clear = () => {
    if (hasLiveLine) process.stderr.write(ERASE_LINE);
    hasLiveLine = false;
  };
  return {
    print: (line) => {
      clear();
      process.stdout.write(`${line}\n`);
    },
    note: (line) => {
      clear();
      process.stderr.write(`${line}\n`);
    },
    live: (line) => {
      process.stderr.write(`${ERASE_LINE}${line.slice(0, (process.stderr.columns || 80) - 1)}`);
      hasLiveLine = true;
    },
    isLive,
    isJson,
    now: Date.now,
    sleep,
  };
}

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
