import type { AdmitPorts } from './admission.ts';
import { startExecution } from './admission.ts';
import type { RunRecord } from './records.ts';
import { stopRun, type StopPorts } from './stop-run.ts';

/** What an operator may do to a run. Each answers the record as it is afterwards, and changes nothing of a run that has ended; undefined: there is no such run. */
export interface RunControl {
  /** From its first write on no batch is begun; resolves when every item has its verdict, at once if the run is not planned yet. If its caller dies on the way, the sweep goes on. */
  cancel(run: string): Promise<RunRecord | undefined>;
  /** What is in work ends; nothing else is begun. */
  pause(run: string): Promise<RunRecord | undefined>;
  resume(run: string): Promise<RunRecord | undefined>;
  /** A new execution for a run whose old one is gone. One that lives after all ends quietly: its tokens count no more. */
  restart(run: string): Promise<RunRecord | undefined>;
}

export type RunControlPorts = StopPorts &
  Pick<AdmitPorts, 'executions'> & {
    /** The sweep goes on with a cancellation that lasts longer, milliseconds since the epoch. @default none */
    readonly deadline?: number;
  };

export function createRunControl(ports: RunControlPorts): RunControl {
  const { ledger, dispatchQueue, newOwner } = ports;
  const setPaused = async (run: string, isPaused: boolean) => {
    const record = await ledger.setPaused(run, isPaused);
    // The dispatcher reads the run's record again. A nonce, or FIFO's deduplication would swallow the second within five minutes.
    if (record) await dispatchQueue.send({ v: 1, type: 'heal', run }, `heal/${newOwner()}`);
    return record;
  };
  return {
    cancel: (run) => stopRun(run, 'cancelled', ports, ports.deadline),
    pause: (run) => setPaused(run, true),
    resume: (run) => setPaused(run, false),
    async restart(run) {
      const record = await ledger.restart(run, `${run}-${newOwner()}`);
      if (record && (record.state === 'open' || record.state === 'stopping')) await startExecution(record, ports);
      return record;
    },
  };
}
