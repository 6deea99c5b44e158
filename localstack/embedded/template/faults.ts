import { ConfigurationError } from '../../../shared/errors.ts';

/** Collects every fault of a template, so that one error can name them all. */
export class FaultList {
  readonly #faults = new Set<string>();

  /** @param where logical id and property path, such as `WorkQueue.Properties.RedrivePolicy` */
  add(where: string, what: string): void {
    this.#faults.add(`${where}: ${what}`);
  }

  /** @throws ConfigurationError naming all faults, if there is one */
  throwIfAny(subject: string): void {
    if (this.#faults.size === 0) return;
    const lines = [...this.#faults].map((fault) => `  - ${fault}`);
    throw new ConfigurationError(`${subject} can't be started, ${lines.length} fault(s) to mend:\n${lines.join('\n')}`);
  }
}
