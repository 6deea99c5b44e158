/**
 * Start-time fair queueing (Goyal, Vin, Cheng 1996): who may be served with the smallest start tag is served next, and its finish tag is the start
 * tag plus cost / weight. Virtual time is the largest start tag served. All in milliseconds of a worker, divided by weight.
 */
export interface Tag {
  /** Finish tag. */
  f: number;
  /** Could not be served at some time since it was served last: idle, capped, paused, or all its work deferred. */
  away?: true;
}

/** Who comes back begins at virtual time: nothing is saved up. Who never left keeps its tag, also one that a correction lowered. */
export const startTag = ({ f, away }: Tag, v: number): number => (away ? Math.max(f, v) : f);

/** @returns the start tag: virtual time is at least that from now on */
export function serve(tag: Tag, { v, cost, weight }: { readonly v: number; readonly cost: number; readonly weight: number }): number {
  const start = startTag(tag, v);
  tag.f = start + cost / weight;
  delete tag.away;
  return start;
}

/** Real cost less estimate, known when the work is done. */
export function correct(tag: Tag, difference: number, weight: number): void {
  tag.f += difference / weight;
}
