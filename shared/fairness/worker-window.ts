import type { ClassState } from '../lane-state.ts';

/** Fewer would leave a worker without work while its report is on the way. */
const SMALLEST_WINDOW = 2;
const DECREASE = 0.7;
/** A batch that waits longer for a worker than two batches take, and this, says that there are fewer workers than the window was made for. */
const PATIENCE_MS = 1000;
const SMOOTHING = 0.2;

/** Batches that may be in flight: follows the workers that there really are, up to what is configured. */
export const windowOf = (state: ClassState | undefined, configured: number): number => Math.floor(Math.min(configured, state?.window ?? configured));

/** Additive increase by one in a window's worth of reports; multiplicative decrease, at most once in as many, when batches wait for workers. */
export function noteDelivery(state: ClassState, { waitedMs, tookMs }: { readonly waitedMs: number; readonly tookMs: number }, configured: number): void {
  state.tookMs = smooth(state.tookMs, tookMs);
  if (waitedMs > 2 * state.tookMs + PATIENCE_MS) return shrink(state, configured);
  const window = Math.min(configured, state.window ?? configured);
  state.window = Math.min(configured, window + 1 / window);
  state.reports = (state.reports ?? 0) + 1;
}

/** Also for workers that died: perhaps there is no room for so many. */
export function shrink(state: ClassState, configured: number): void {
  const window = Math.min(configured, state.window ?? configured);
  const isDue = state.reports === undefined || state.reports >= window;
  state.window = isDue ? Math.min(configured, Math.max(SMALLEST_WINDOW, window * DECREASE)) : window;
  state.reports = isDue ? 0 : state.reports! + 1;
}

export const smooth = (before: number | undefined, value: number): number => (before === undefined ? value : before + SMOOTHING * (value - before));
