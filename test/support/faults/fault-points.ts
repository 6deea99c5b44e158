import { createRandom } from '../../../bench/random.ts';
import type { NamedCall } from './call-names.ts';
import { isDelivery } from './faulty-delivery.ts';
import { type WireCall, isMutation } from './wire-call.ts';
import type { FaultKind } from './wire-faults.ts';

/** One call that is to meet one fault. */
export interface FaultPoint {
  /** As `CallNames` has it. */
  readonly name: string;
  readonly kind: FaultKind;
  /** Only the first attempt of the SDK meets it, or each: then the caller hears of it. */
  readonly attempts: 'first' | 'all';
}

/** A call of the undisturbed run. */
export interface RecordedCall extends Pick<WireCall, 'service' | 'action'> {
  readonly name: string;
  /** A state machine calls without an invocation: there is no thread to kill. */
  readonly isOfFunction: boolean;
}

export const recordOf = ({ service, action, name, requestId }: NamedCall): RecordedCall => ({ service, action, name, isOfFunction: requestId !== undefined });

export const describePoint = ({ name, kind, attempts }: FaultPoint): string => `${kind}${attempts === 'all' ? ' (all attempts)' : ''}: ${name}`;

/** Each call that changes something, crashed once before it and once after it. */
export function crashPoints(calls: readonly RecordedCall[]): FaultPoint[] {
  return calls.filter(isMutation).flatMap(({ name, isOfFunction }): FaultPoint[] =>
    isOfFunction
      ? [{ name, kind: 'kill before', attempts: 'first' }, { name, kind: 'kill after', attempts: 'first' }]
      : [{ name, kind: 'fail', attempts: 'all' }, { name, kind: 'lose', attempts: 'all' }],
  );
}

const READ_FAULTS: readonly Pick<FaultPoint, 'kind' | 'attempts'>[] = [
  { kind: 'fail', attempts: 'all' },
  { kind: 'cut', attempts: 'first' },
  { kind: 'throttle', attempts: 'all' },
];

/** @param count of reads, each with a fault, chosen by the seed */
export function readPoints(calls: readonly RecordedCall[], count: number, seed: number): FaultPoint[] {
  const random = createRandom(seed);
  const reads = calls.filter((call) => !isMutation(call) && !isDelivery(call));
  const taken = new Set<string>();
  return Array.from({ length: Math.min(count, reads.length) }, (_, i): FaultPoint => {
    let name: string;
    do name = reads[Math.floor(random() * reads.length)]!.name;
    while (taken.has(name));
    taken.add(name);
    return { name, ...READ_FAULTS[i % READ_FAULTS.length]! };
  });
}

/** A message delivered twice; a FIFO queue never has one in flight twice, but it may come again. */
export function deliveryPoints(calls: readonly RecordedCall[]): FaultPoint[] {
  return calls.filter(isDelivery).flatMap(({ name }): FaultPoint[] => {
    const isFifo = name.includes(' dispatch ');
    const kinds: FaultKind[] = isFifo ? ['lose delete'] : ['deliver twice', 'lose delete'];
    return kinds.map((kind) => ({ name, kind, attempts: 'first' }));
  });
}

/** Every fault that a call can meet. */
export function allPoints(calls: readonly RecordedCall[]): FaultPoint[] {
  return calls.flatMap((call) => {
    if (isDelivery(call)) return deliveryPoints([call]);
    const kills: FaultPoint['kind'][] = call.isOfFunction ? ['kill before', 'kill after'] : [];
    const kinds: FaultPoint['kind'][] = [...kills, 'fail', 'throttle', 'delay', isMutation(call) ? 'lose' : 'cut'];
    return kinds.map((kind): FaultPoint => ({ name: call.name, kind, attempts: REPEATED.has(kind) ? 'all' : 'first' }));
  });
}

/** The SDK tries these again: only if each attempt meets them does the caller hear of it. */
const REPEATED: ReadonlySet<FaultKind> = new Set(['fail', 'throttle', 'lose']);

/** Two points for each of `count` runs, chosen by the seed. */
export function randomPairs(points: readonly FaultPoint[], count: number, seed: number): FaultPoint[][] {
  const random = createRandom(seed);
  const pick = (): FaultPoint => points[Math.floor(random() * points.length)]!;
  return Array.from({ length: count }, () => [pick(), pick()]);
}

/**
 * Shares points out to runs of at most `perRun` each, so that the points of one run lie far from each other in the way of a run: what one
 * of them does is healed before the next comes, or beside it.
 */
export function groupPoints(points: readonly FaultPoint[], perRun: number): FaultPoint[][] {
  const runs = Math.ceil(points.length / perRun);
  return Array.from({ length: runs }, (_, run) => points.filter((_point, i) => i % runs === run));
}

/** Decides calls by points, and notes which of them met their call. */
export class PointJudge {
  readonly fired = new Set<FaultPoint>();
  readonly #points: readonly FaultPoint[];

  constructor(points: readonly FaultPoint[]) {
    this.#points = points;
  }

  readonly judge = ({ name, attempt }: NamedCall): FaultKind | undefined => {
    const point = this.#points.find((each) => each.name === name && (attempt === 1 || each.attempts === 'all'));
    if (point !== undefined) this.fired.add(point);
    return point?.kind;
  };
}
