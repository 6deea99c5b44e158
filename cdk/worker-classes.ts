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

export const workerTimeoutSeconds = (name: WorkerClassName, timings: Timings): number => timings.workerTimeoutSeconds ?? WORKER_CLASSES[name].timeoutSeconds;

const BATCHES_PER_WORKER = 2;

/** Batches that the dispatcher keeps in flight: one in work and one waiting for each worker, so that no worker waits for the dispatcher. */
export const windowOf = (workerClass: WorkerClass): number => workerClass.maximumConcurrency * BATCHES_PER_WORKER;

export const WORKER_CLASS_NAMES = Object.keys(WORKER_CLASSES) as WorkerClassName[];

export const mapWorkerClasses = <T>(make: (name: WorkerClassName) => T): Record<WorkerClassName, T> =>
  Object.fromEntries(WORKER_CLASS_NAMES.map((name) => [name, make(name)])) as Record<WorkerClassName, T>;
