/** The error names that Amazon States Language itself knows, as far as the interpreter raises or matches them. */
export const StatesErrorName = {
  all: 'States.ALL',
  taskFailed: 'States.TaskFailed',
  timeout: 'States.Timeout',
  heartbeatTimeout: 'States.HeartbeatTimeout',
  runtime: 'States.Runtime',
  dataLimitExceeded: 'States.DataLimitExceeded',
  resultPathMatchFailure: 'States.ResultPathMatchFailure',
  intrinsicFailure: 'States.IntrinsicFailure',
  noChoiceMatched: 'States.NoChoiceMatched',
  itemReaderFailed: 'States.ItemReaderFailed',
  toleratedFailures: 'States.ExceedToleratedFailureThreshold',
} as const;

/** How a state fails: what Retry and Catch match on (`error`) and the text that goes with it. */
export class StatesError extends Error {
  override readonly name = 'StatesError';
  readonly error: string;

  constructor(error: string, cause: string) {
    super(cause);
    this.error = error;
  }
}

/** Ends an execution past every Retry and Catch. */
export class HistoryLimitError extends StatesError {}

/** The execution was stopped or the host ends: no state may handle it. */
export class AbortedError extends Error {
  override readonly name = 'AbortedError';
}

export const asStatesError = (fault: unknown): StatesError =>
  fault instanceof StatesError ? fault : new StatesError(StatesErrorName.runtime, fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault));
