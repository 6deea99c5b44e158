import type { HandlerFunction } from '../constructs/handler-function.ts';
import { RunStateMachine } from '../constructs/run-state-machine.ts';
import type { Foundation } from '../foundation.ts';

/** Plan, fan out, await, merge, finish: it calls the four functions and fills the dispatch queue. */
export function addStateMachine(foundation: Foundation, definition: string, steps: Record<'plan' | 'awaitRun' | 'merge' | 'finish', HandlerFunction>): RunStateMachine {
  const { stack, results, dispatchQueue } = foundation;
  return new RunStateMachine(stack, 'Run', {
    definition,
    substitutions: {
      PlanRunArn: steps.plan.function.functionArn,
      AwaitRunArn: steps.awaitRun.function.functionArn,
      MergeResultsArn: steps.merge.function.functionArn,
      FinishRunArn: steps.finish.function.functionArn,
      DispatchQueueUrl: dispatchQueue.queueUrl,
    },
    functionArns: Object.values(steps).map((step) => step.function.functionArn),
    dispatchQueueArn: dispatchQueue.queueArn,
    results,
  });
}
