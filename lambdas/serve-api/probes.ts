import type { Clock } from '../../shared/ports.ts';

/** Anybody may ask for the health: what was found holds for a moment, so that who asks all the time costs nothing. */
const KEPT_MS = 5000;

/** @param probes rejects if the part does not answer */
export function rememberProbes<Part extends string>(probes: Readonly<Record<Part, () => Promise<unknown>>>, clock: Clock): (part: Part) => Promise<unknown> {
  const known = new Map<Part, { readonly until: number; readonly answer: Promise<unknown> }>();
  return (part) => {
    const kept = known.get(part);
    if (kept && clock() < kept.until) return kept.answer;
    const answer = probes[part]();
    known.set(part, { until: clock() + KEPT_MS, answer });
    return answer;
  };
}
