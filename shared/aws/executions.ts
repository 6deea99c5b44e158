import { ExecutionAlreadyExists, SendTaskSuccessCommand, type SFNClient, StartExecutionCommand, TaskDoesNotExist, TaskTimedOut } from '@aws-sdk/client-sfn';
import type { Executions, TaskAnswers } from '../ports.ts';

/** Executions of the state machine `run`. */
export function createExecutions(sfn: SFNClient, stateMachineArn: string): Executions {
  return {
    async start(name, input) {
      const command = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
      // Same name and input while it runs is the same execution; a closed one says that it exists. Both: started.
      await sfn.send(command).catch(ignore(ExecutionAlreadyExists));
    },
  };
}

/** Answers to tokens that an execution waits with. */
export function createTaskAnswers(sfn: SFNClient): TaskAnswers {
  return {
    async succeedTask(taskToken, output) {
      await sfn.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) })).catch(ignore(TaskTimedOut, TaskDoesNotExist));
    },
  };
}

const ignore =
  (...known: readonly (abstract new (...args: never[]) => Error)[]) =>
  (error: unknown): undefined => {
    if (!known.some((type) => error instanceof type)) throw error;
  };
