import { changeRate, chargeMore, giveBack, pauseUntil, raiseRate } from '../../shared/limit-changes.ts';
import { CLOCK_SKEW_MS, isVoid, limitInForce, reserve, type Grant, type Limit, type LimitRecord } from '../../shared/limits.ts';
import { shareOf } from '../../shared/limiting/stock.ts';

/**
 * A schedule of all that may happen to limits, as the executable model has it: two keys, workers whose clocks differ, calls of several units that start
 * at once, several calls under one write, calls under two keys, what is given back, charged more, Retry-After, changes of the rate.
 * A call starts at its start, or not at all.
 */
interface Call {
  readonly key: Key;
  readonly grant: Grant;
  /** When it was reserved, by the clock that did it. */
  readonly at: number;
  startUs: number;
  units: number;
  state: 'waits' | 'started' | 'void';
  twin?: Call;
}
interface Key {
  readonly id: number;
  readonly limit: Limit;
  record: LimitRecord | undefined;
  readonly rates: [from: number, unitUs: number][];
  readonly pauses: { readonly from: number; readonly until: number }[];
}
interface Scene {
  readonly random: Random;
  readonly skewUs: number;
  now: number;
  readonly keys: readonly Key[];
  readonly calls: Call[];
  readonly trace: string[];
}

const STEPS = 50;
const TICK_US = 10_000;
const START_US = 1_700_000_000_000_000;

export type Random = ReturnType<typeof createRandom>;

/** Small, seeded, the same everywhere. */
export function createRandom(seed: number) {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { below, chance: (p: number) => next() < p, pick: <T>(list: readonly T[]): T => list[below(list.length)]! };
}

/** @returns what the oracle found: undefined if every window holds what it may */
export function playSchedule(seed: number): { readonly excess: string | undefined; readonly trace: readonly string[]; readonly units: number } {
  const random = createRandom(seed);
  const skewUs = random.pick([0, 0, 20_000, CLOCK_SKEW_MS * 1000]);
  const scene: Scene = { random, skewUs, now: START_US, keys: [0, 1].map((id) => createKey(random, id)), calls: [], trace: [] };
  for (let step = 0; step < STEPS; step++) {
    passTime(scene);
    random.pick([reserveOne, reserveOne, reserveOne, reserveBlock, reserveBoth, reserveBoth, returnUnits, returnUnits, returnUnits, random.chance(0.3) ? charge : reserveOne, random.chance(0.2) ? throttle : reserveOne, random.chance(0.3) ? alter : reserveOne, random.chance(0.4) ? raise : reserveOne])(scene);
  }
  scene.now = Infinity;
  startDue(scene);
  const excess = scene.keys.map((key) => findExcess(scene, key)).find(Boolean);
  return { excess, trace: scene.trace, units: scene.calls.filter(({ state }) => state === 'started').reduce((sum, { units }) => sum + units, 0) };
}

function createKey(random: Random, id: number): Key {
  const [unitUs, burst] = [(1 + random.below(20)) * TICK_US, 1 + random.below(10)];
  const limit: Limit = { unitUs, burst, largest: 1 + random.below(burst), maxWaitUs: random.below(burst * unitUs * 2) };
  return { id, limit, record: undefined, rates: [[0, unitUs]], pauses: [] };
}

/** A worker's clock is off by at most half of the skew, so two clocks by at most all of it. */
const readClock = ({ random, skewUs, now }: Scene): number => now + (skewUs > 0 ? random.below(skewUs + 1) - Math.floor(skewUs / 2) : 0);

function passTime(scene: Scene): void {
  const { random, keys } = scene;
  const { burst, unitUs } = random.pick(keys).limit;
  scene.now += random.chance(0.4) ? 0 : random.below(random.chance(0.2) ? burst * unitUs * 2 : unitUs * 2);
  startDue(scene);
}

/** A start that was waited for is void if the rate changed meanwhile, at either key. */
function startDue({ calls, now }: Scene): void {
  for (const call of calls) {
    if (call.state !== 'waits' || call.startUs > now) continue;
    const isStale = ({ key, grant }: Call): boolean => isVoid(key.record, grant);
    call.state = call.startUs > call.at && (isStale(call) || (call.twin !== undefined && isStale(call.twin))) ? 'void' : 'started';
  }
}

function ask(scene: Scene, key: Key, sizes: readonly number[], more: { readonly nowUs: number; readonly limit?: Limit; readonly isAhead?: boolean }): Call[] | number {
  const { nowUs } = more;
  const units = sizes.reduce((a, b) => a + b, 0);
  const { answer, record } = reserve(key.record, more.limit ?? key.limit, { units, nowUs, ...(more.isAhead !== undefined && { isAhead: more.isAhead }) });
  key.record = record;
  if (answer.kind === 'refused') return answer.comeBackAtUs;
  let end = 0;
  const calls = sizes.map((size): Call => {
    end += size;
    return { key, grant: shareOf(answer.grant, end, size), at: nowUs, startUs: answer.startsUs[end - 1]!, units: size, state: 'waits' };
  });
  scene.calls.push(...calls);
  scene.trace.push(`${scene.now}: key ${key.id} grants ${sizes.join('+')} at ${calls.map(({ startUs }) => startUs - scene.now).join(' ')}`);
  return calls;
}

const sizeFor = ({ random }: Scene, { limit, record }: Key): number => 1 + random.below(Math.min(limit.largest!, limitInForce(record, limit).burst));

function reserveOne(scene: Scene): void {
  const key = scene.random.pick(scene.keys);
  ask(scene, key, [sizeFor(scene, key)], { nowUs: readClock(scene) });
}

function reserveBlock(scene: Scene): void {
  const key = scene.random.pick(scene.keys);
  ask(scene, key, Array.from({ length: 1 + scene.random.below(4) }, () => sizeFor(scene, key)), { nowUs: readClock(scene) });
}

/** The second key grants exactly the start of the first, or the first is given back. */
function reserveBoth(scene: Scene): void {
  const [first, second] = scene.random.chance(0.5) ? scene.keys : scene.keys.toReversed();
  const nowUs = readClock(scene);
  const one = ask(scene, first!, [sizeFor(scene, first!)], { nowUs });
  if (typeof one === 'number') return;
  while (scene.random.chance(0.5)) reserveOne(scene);
  const isAhead = one[0]!.startUs > nowUs;
  const two = ask(scene, second!, [sizeFor(scene, second!)], { nowUs: one[0]!.startUs, limit: { ...second!.limit, maxWaitUs: 0 }, isAhead });
  if (typeof two === 'number') return takeBack(scene, one[0]!, one[0]!.units, nowUs);
  // A start at its second key that is later than at its first would delay the first.
  one[0]!.startUs = Math.max(one[0]!.startUs, two[0]!.startUs);
  Object.assign(two[0]!, { startUs: one[0]!.startUs, at: nowUs, twin: one[0]! });
  one[0]!.twin = two[0]!;
  if (scene.random.chance(0.2)) for (const call of [two[0]!, one[0]!]) if (call.state === 'waits') takeBack(scene, call, call.units, readClock(scene));
}

/** Calls that are given up, and units that a call did not need after all. */
function returnUnits(scene: Scene): void {
  const open = scene.calls.filter(({ state, units, twin }) => state !== 'void' && units > 0 && twin === undefined);
  if (open.length === 0) return;
  const call = scene.random.chance(0.7) ? open.at(-1)! : scene.random.pick(open);
  takeBack(scene, call, call.state === 'started' ? 1 + scene.random.below(call.units) : call.units, readClock(scene));
}

/** They never start, whether the record takes them back or not. */
function takeBack(scene: Scene, call: Call, units: number, nowUs: number): void {
  call.units -= units;
  if (call.units === 0) call.state = 'void';
  const after = giveBack(call.key.record!, call.grant, units, nowUs);
  if (after) scene.trace.push(`${scene.now}: key ${call.key.id} takes ${units} back`);
  call.key.record = after ?? call.key.record;
}

function charge(scene: Scene): void {
  const key = scene.random.pick(scene.keys);
  if (key.record) key.record = chargeMore(key.record, limitInForce(key.record, key.limit), sizeFor(scene, key));
}

function throttle(scene: Scene): void {
  const key = scene.random.pick(scene.keys);
  const until = scene.now + scene.skewUs + scene.random.below(key.limit.unitUs * key.limit.burst * 3);
  key.record = pauseUntil(key.record, limitInForce(key.record, key.limit), until);
  key.pauses.push({ from: scene.now, until });
  scene.trace.push(`${scene.now}: key ${key.id} pauses for ${until - scene.now}`);
}

function alter(scene: Scene): void {
  const key = scene.random.pick(scene.keys);
  if (!key.record) return;
  const from = limitInForce(key.record, key.limit);
  const unitUs = (1 + scene.random.below(20)) * TICK_US;
  key.record = changeRate(key.record, from, { unitUs, burst: from.burst }, scene.now);
  key.rates.push([scene.now, unitUs]);
  scene.trace.push(`${scene.now}: key ${key.id} has T ${unitUs}`);
}

/** A rise in the middle of promises: they hold. */
function raise(scene: Scene): void {
  const key = scene.random.pick(scene.keys);
  if (!key.record) return;
  const from = limitInForce(key.record, key.limit);
  const unitUs = Math.max(TICK_US, Math.round((from.unitUs * (1 + scene.random.below(9))) / 10));
  if (unitUs >= from.unitUs) return;
  key.record = raiseRate(key.record, from, unitUs, readClock(scene));
  key.rates.push([scene.now, unitUs]);
  scene.trace.push(`${scene.now}: key ${key.id} rises to T ${unitUs}`);
}

/** Oracle: between any two starts at most burst + the integral of the rate, and no start inside a pause. */
function findExcess({ calls, skewUs }: Scene, key: Key): string | undefined {
  const started = calls.filter((call) => call.key === key && call.state === 'started' && call.units > 0).toSorted((a, b) => a.startUs - b.startUs);
  // Only where a rate changes: a worker whose clock is ahead starts in the changer's future.
  const slack = key.rates.length > 1 ? (2 * skewUs) / Math.min(...key.rates.map(([, unitUs]) => unitUs)) : 0;
  let before = 0;
  let lowest = Infinity;
  for (const { startUs, units } of started) {
    const grown = unitsUntil(key, startUs);
    lowest = Math.min(lowest, before - grown);
    before += units;
    const worst = before - grown - lowest;
    if (worst > key.limit.burst + slack + 1e-6) return `key ${key.id}: a window that ends at ${startUs} admits ${(worst - key.limit.burst).toFixed(2)} units too many`;
  }
  const bad = key.pauses.find(({ from, until }) => started.some(({ startUs }) => startUs > from + skewUs && startUs < until - skewUs));
  return bad && `key ${key.id}: a start inside the pause ${bad.from}..${bad.until}`;
}

function unitsUntil(key: Key, time: number): number {
  return key.rates.reduce((sum, [from, unitUs], i) => sum + Math.max(0, Math.min(time, key.rates[i + 1]?.[0] ?? Infinity) - Math.max(from, START_US - 1e9)) / unitUs, 0);
}
