/** The times that hang together, in one place. Tests assemble the same bundles with shorter ones. */
export interface Timings {
  /** Of every function that reads a work queue, instead of its worker class's own. */
  readonly workerTimeoutSeconds?: number;
  /** Of the function that reads the dispatch queue: what a round that dies costs is six times this. */
  readonly dispatchTimeoutSeconds: number;
  /** Between a worker's time-out and the end of its lease: clocks differ, and an environment takes a moment to die. */
  readonly leaseMarginSeconds: number;
  /** What a worker keeps of its time for writing the part, settling and reporting. */
  readonly closingSeconds: number;
  /** A slot that is taken longer is compared with the ledger, and its batch sent again if nobody has it. */
  readonly resendAfterSeconds: number;
}

export const DEFAULT_TIMINGS: Timings = {
  // A round takes a fraction of a second; the group waits for the visibility time-out of one that died.
  dispatchTimeoutSeconds: 15,
  leaseMarginSeconds: 10,
  closingSeconds: 10,
  // Less than a round of the sweep: what is lost just after one is sent again by the next. A message that only waited is refused by the ledger.
  resendAfterSeconds: 50,
};
