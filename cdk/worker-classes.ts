import type { WorkerClassName } from '../processors/processor.ts';
import type { Timings } from './timings.ts';

/** What one kind of processor runs on: a function and a work queue of its own. */
export interface WorkerClass {
  /** Lambda gives a full vCPU at 1,769 MB and a share of one below. */
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** Workers at once; Lambda takes 2 to 1,000 for a queue. */
  readonly maximumConcurrency: number;
  /** Reads the operator's APIs and their keys. */
  readonly callsApis?: true;
  /** Reads what tenants upload. */
  readonly readsUploads?: true;
}

export const WORKER_CLASSES: Readonly<Record<WorkerClassName, WorkerClass>> = {
  standard: { memoryMb: 512, timeoutSeconds: 120, maximumConcurrency: 10 },
  // A call takes up to a minute, and waits more than it works: many at once, in little memory.
  api: { memoryMb: 512, timeoutSeconds: 180, maximumConcurrency: 20, callsApis: true },
  web: { memoryMb: 1_769, timeoutSeconds: 120, maximumConcurrency: 10 },
  document: { memoryMb: 1_769, timeoutSeconds: 180, maximumConcurrency: 10, readsUploads: true },
};

/** Of the executions that a stack may take, so many tenths stay for the dispatcher, the sweep, the API and the steps of the state machine. */
const SHARE_OF_OTHERS = 0.1;
const LEAST_OF_OTHERS = 2;
/** Lambda: MaximumConcurrency of a queue is 2 to 1,000. */
const WORKERS_OF_A_QUEUE = { least: 2, most: 1_000 } as const;

/**
 * Worker classes whose workers together leave room for the other functions, in the proportions above.
 * @param concurrency executions at once, at least 10; undefined: the figures above
 */
export function workerClassesFor(concurrency?: number): Readonly<Record<WorkerClassName, WorkerClass>> {
  if (concurrency === undefined) return WORKER_CLASSES;
  const workers = concurrency - Math.max(LEAST_OF_OTHERS, Math.ceil(concurrency * SHARE_OF_OTHERS));
  const configured = Object.values(WORKER_CLASSES).reduce((sum, { maximumConcurrency }) => sum + maximumConcurrency, 0);
  // Each gets the least first, so that rounding up to it takes nothing that the others were given.
  const spare = workers - WORKERS_OF_A_QUEUE.least * WORKER_CLASS_NAMES.length;
  return mapWorkerClasses((name) => {
    const share = WORKERS_OF_A_QUEUE.least + Math.floor((spare * WORKER_CLASSES[name].maximumConcurrency) / configured);
    return { ...WORKER_CLASSES[name], maximumConcurrency: Math.min(WORKERS_OF_A_QUEUE.most, share) };
  });
}

export const workerTimeoutSeconds = (name: WorkerClassName, timings: Timings): number => timings.workerTimeoutSeconds ?? WORKER_CLASSES[name].timeoutSeconds;

const BATCHES_PER_WORKER = 2;

/** Batches that the dispatcher keeps in flight: one in work and one waiting for each worker, so that no worker waits for the dispatcher. */
export const windowOf = (workerClass: WorkerClass): number => workerClass.maximumConcurrency * BATCHES_PER_WORKER;

export const WORKER_CLASS_NAMES = Object.keys(WORKER_CLASSES) as WorkerClassName[];

export const mapWorkerClasses = <T>(make: (name: WorkerClassName) => T): Record<WorkerClassName, T> =>
  Object.fromEntries(WORKER_CLASS_NAMES.map((name) => [name, make(name)])) as Record<WorkerClassName, T>;
