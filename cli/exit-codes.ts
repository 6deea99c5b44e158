/** What `spillway` answers the shell. */
export const EXIT = {
  /** All well. */
  ok: 0,
  /** The run ended, but items failed or it was stopped; `verify` found faults; a run had ended before the command could do anything. */
  itemsFailed: 1,
  /** A command, an option or a file was given wrongly. */
  wrongUse: 2,
  /** The run failed or was refused, or could not be started. */
  runFailed: 3,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
