import { awaitRun } from '../../lambdas/await-run/await-run.ts';
import { finishRun, type FinishPorts } from '../../lambdas/finish-run/finish-run.ts';
import { mergeResults, type MergePorts } from '../../lambdas/merge-results/merge-results.ts';
import { planRun, type PlanPorts } from '../../lambdas/plan-run/plan-run.ts';
import type { DispatchQueue, RunLedger, TaskAnswers } from '../../shared/ports.ts';

interface Execution {
  readonly run: string;
  readonly name: string;
  phase: 'plan' | 'call await' | 'await' | 'merge' | 'ended';
  token: string;
  attempt: number;
}

type StepPorts = PlanPorts & MergePorts & FinishPorts & { readonly ledger: RunLedger; readonly dispatchQueue: DispatchQueue; readonly taskAnswers: TaskAnswers };

/** The state machine `run`, one step after the other, with the real steps behind it. */
export class WorldExecutions {
  readonly #byName = new Map<string, Execution>();

  all(): Execution[] {
    return [...this.#byName.values()].filter(({ phase }) => phase !== 'ended');
  }

  start(name: string, run: string): void {
    if (!this.#byName.has(name)) this.#byName.set(name, { run, name, phase: 'plan', token: '', attempt: 0 });
  }

  hasOne(run: string): boolean {
    return this.all().some((execution) => execution.run === run);
  }

  /** Every execution of the run is gone, wherever it stands. */
  stop(run: string): void {
    for (const execution of this.all()) if (execution.run === run) execution.phase = 'ended';
  }

  /** A token is good from the moment that its call is made. */
  answer(token: string): void {
    const execution = this.all().find((each) => each.token === token && (each.phase === 'await' || each.phase === 'call await'));
    if (execution) execution.phase = 'merge';
  }

  /** The Await state's time-out: it calls again, with a new token. */
  timeOut(): void {
    for (const execution of this.all()) if (execution.phase === 'await') execution.phase = 'call await';
  }

  async step(execution: Execution, ports: StepPorts, newToken: () => string): Promise<void> {
    const { run, name } = execution;
    if (execution.phase === 'plan') {
      await planRun({ v: 1, run }, ports);
      const { totals } = (await ports.ledger.readRun(run))!;
      for (let shard = 0; shard < totals!.shards; shard++) await ports.dispatchQueue.send({ v: 1, type: 'open', run, shard }, `open/${run}/${shard}`);
      execution.phase = 'call await';
    } else if (execution.phase === 'call await') {
      execution.token = newToken();
      await awaitRun({ v: 1, run, token: execution.token, execution: name, attempt: execution.attempt++ }, ports);
      // The answer to its token may have come meanwhile.
      if (execution.phase === 'call await') execution.phase = 'await';
    } else if (execution.phase === 'merge') {
      await mergeResults({ v: 1, run }, ports);
      await finishRun({ v: 1, run }, ports);
      execution.phase = 'ended';
    }
  }
}
