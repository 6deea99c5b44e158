/**
 * Every error of Spillway. `name` is a literal, because state machines and callers match on it and a minifier renames classes.
 * `retryable` says whether the same call may succeed later without a person changing anything.
 */
export abstract class SpillwayError extends Error {
  abstract override readonly name: string;
  abstract readonly retryable: boolean;
}

/** The manifest can't become a run: only bad rows, empty, truncated, wrong type, over a documented limit. One sentence for its owner. */
export class ManifestRefusedError extends SpillwayError {
  override readonly name = 'ManifestRefusedError';
  readonly retryable = false;
}

/** A set-up fault: environment, stack parameters, template. All faults in one message. */
export class ConfigurationError extends SpillwayError {
  override readonly name = 'ConfigurationError';
  readonly retryable = false;
}

/** A person used a command or an option wrongly. The message says what was expected, what came and what to do. */
export class UsageError extends SpillwayError {
  override readonly name = 'UsageError';
  readonly retryable = false;
}

/** The recount of a run does not give what its records say: nothing may be called done. */
export class RecountError extends SpillwayError {
  override readonly name = 'RecountError';
  readonly retryable = false;
}

/** A stored body was shorter or longer than announced, or changed under the read. */
export class BrokenObjectError extends SpillwayError {
  override readonly name = 'BrokenObjectError';
  readonly retryable = true;
}

/** A function was called with a payload of another form than its contract's: nothing was done. */
export class PayloadError extends SpillwayError {
  override readonly name = 'PayloadError';
  readonly retryable = false;
}

/** A message names a run, shard or batch that the ledger does not have. Its reads are consistent, so waiting brings nothing: the message is parked. */
export class NoSuchRecordError extends SpillwayError {
  override readonly name = 'NoSuchRecordError';
  readonly retryable = false;
}

/** A concurrent writer was first; the caller's messages come again. */
export class StaleStateError extends SpillwayError {
  override readonly name = 'StaleStateError';
  readonly retryable = true;
}

/** A processor asked for an upload that its worker class, or anybody, may not read. */
export class UploadsRefusedError extends SpillwayError {
  override readonly name = 'UploadsRefusedError';
  readonly retryable = false;
}
