/**
 * Sets of ordinals (positions of items in their batch, from 0) as text: ascending ranges, `3,7-9`; the empty set is ''.
 * `parse(format(x))` is x for every ascending list without repetition.
 */
export function formatOrdinals(ordinals: readonly number[]): string {
  const ranges: string[] = [];
  for (let i = 0; i < ordinals.length; i++) {
    const first = ordinals[i]!;
    while (i + 1 < ordinals.length && ordinals[i + 1] === ordinals[i]! + 1) i++;
    const last = ordinals[i]!;
    ranges.push(first === last ? String(first) : `${first}-${last}`);
  }
  return ranges.join(',');
}

/** @throws RangeError for text that `formatOrdinals` does not write. */
export function parseOrdinals(text: string): number[] {
  const ordinals: number[] = [];
  if (text === '') return ordinals;
  for (const range of text.split(',')) {
    const [, first, last] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === undefined) throw new RangeError(`expected ordinals such as "3,7-9", got ${JSON.stringify(text)}`);
    const start = Number(first);
    const end = last === undefined ? start : Number(last);
    if (start <= (ordinals.at(-1) ?? -1) || end < start) throw new RangeError(`expected ascending ordinals, got ${JSON.stringify(text)}`);
    for (let i = start; i <= end; i++) ordinals.push(i);
  }
  return ordinals;
}

export const allOrdinals = (count: number): string => (count === 0 ? '' : count === 1 ? '0' : `0-${count - 1}`);

export const countOrdinals = (text: string): number => parseOrdinals(text).length;
