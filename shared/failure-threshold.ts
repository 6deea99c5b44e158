/** When a run has failed too often to go on. */
export interface FailureThreshold {
  /** More failed items than this. */
  readonly maxFailures?: number | undefined;
  /** A larger share of the items that were worked on than this, from 0 to 1, once there are `failureSample` of them. */
  readonly maxFailureRatio?: number | undefined;
  readonly failureSample?: number | undefined;
}

/** A few early failures say nothing about a share. */
const DEFAULT_SAMPLE = 100;

export const isFailureThresholdSet = ({ maxFailures, maxFailureRatio }: FailureThreshold): boolean => maxFailures !== undefined || maxFailureRatio !== undefined;

export function isAboveThreshold({ succeeded, failed }: { succeeded: number; failed: number }, threshold: FailureThreshold): boolean {
  const { maxFailures = Infinity, maxFailureRatio = 1, failureSample = DEFAULT_SAMPLE } = threshold;
  if (failed > maxFailures) return true;
  const worked = succeeded + failed;
  return worked >= failureSample && failed > maxFailureRatio * worked;
}
