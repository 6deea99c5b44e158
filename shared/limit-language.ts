import { UsageError } from './errors.ts';
import { windowLimit, type Limit } from './limits.ts';

/** A limit as people write it: `450 requests and 450,000 tokens per minute`, `10 requests per second, burst 5`, `1 request per 5 seconds`. */
export interface RateSetting {
  readonly unit: LimitUnit;
  /** At most so many in any window of `windowMs`, as the other side counts: a positive integer. */
  readonly units: number;
  readonly windowMs: number;
  /** Units that may start at once, at most `units`: what it takes off the rate. @default a fiftieth of the requests; a twentieth of the tokens, 16,384 at least, a quarter at most */
  readonly burst?: number;
}

export type LimitUnit = (typeof LIMIT_UNITS)[number];
export const LIMIT_UNITS = ['requests', 'tokens'] as const;

const WINDOW_MS = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;
type WindowName = keyof typeof WINDOW_MS;

const NUMBER = String.raw`\d[\d,_]*(?:\.\d+)?`;
const SENTENCE = new RegExp(String.raw`^(?<amounts>.+?)\s*(?:per|a|an|/)\s*(?<times>\d+\s*)?(?<window>second|minute|hour|day|s|sec|min|h|d)s?(?<bursts>(?:\s*,?\s*(?:and\s+)?burst\s+(?:of\s+)?${NUMBER}(?:\s*\w+)?)*)$`, 'i');
const AMOUNT = new RegExp(String.raw`^(?<number>${NUMBER})\s*(?<unit>requests?|calls?|tokens?)$`, 'i');
const BURST = new RegExp(String.raw`burst\s+(?:of\s+)?(?<number>${NUMBER})(?:\s*(?<unit>requests?|calls?|tokens?))?`, 'gi');
const SHORT: Readonly<Record<string, WindowName>> = { s: 'second', sec: 'second', min: 'minute', h: 'hour', d: 'day' };
const EXPECTED = 'expected a limit such as "2 requests per second", "10 requests per second, burst 5" or "450 requests and 450,000 tokens per minute"';
const MAX_WHOLE_DECIMALS = 1000;
const ROUNDING = 1e-9;

/**
 * Reads one or two rates, each unit once.
 * @throws UsageError saying what was expected
 */
export function parseLimit(text: string): readonly RateSetting[] {
  const groups = SENTENCE.exec(text.trim())?.groups;
  if (!groups) throw new UsageError(`${EXPECTED}, got ${JSON.stringify(text)}`);
  const name = groups['window']!.toLowerCase();
  const times = Number(groups['times'] ?? 1);
  if (times < 1) throw new UsageError(`expected a time of at least 1 ${name}, got ${JSON.stringify(text)}`);
  const windowMs = WINDOW_MS[SHORT[name] ?? (name as WindowName)] * times;
  const bursts = [...groups['bursts']!.matchAll(BURST)].map(({ groups: burst }) => ({ burst: readNumber(burst!['number']!), unit: burst!['unit'] && unitOf(burst!['unit']) }));
  const settings = groups['amounts']!.split(/\s+and\s+|\s*&\s*/i).map((amount) => readAmount(amount, text, windowMs));
  if (new Set(settings.map(({ unit }) => unit)).size < settings.length) throw new UsageError(`expected each unit once, got ${JSON.stringify(text)}`);
  for (const { unit } of bursts) if (unit && !settings.some((setting) => setting.unit === unit)) throw new UsageError(`expected a rate of ${unit} with a burst of ${unit}, got ${JSON.stringify(text)}`);
  return settings.map((setting) => checkSetting(withBurst(setting, bursts)));
}

function readAmount(amount: string, text: string, windowMs: number): RateSetting {
  const groups = AMOUNT.exec(amount.trim())?.groups;
  if (!groups) throw new UsageError(`${EXPECTED}: a number with "requests" or "tokens", got ${JSON.stringify(amount.trim())} in ${JSON.stringify(text)}`);
  const number = readNumber(groups['number']!);
  const unit = unitOf(groups['unit']!);
  if (number <= 0) throw new UsageError(`expected more than 0 ${unit}, got ${JSON.stringify(text)}`);
  // Half a request a second is one in two seconds.
  const scale = Number.isInteger(number) ? 1 : number < 1 ? 1 / number : MAX_WHOLE_DECIMALS / greatestDivisor(Math.round(number * MAX_WHOLE_DECIMALS), MAX_WHOLE_DECIMALS);
  return { unit, units: Math.round(number * scale), windowMs: WINDOW_MS.second * Math.ceil((windowMs * scale) / WINDOW_MS.second - ROUNDING) };
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));
const readNumber = (text: string): number => Number(text.replace(/[,_]/g, ''));
const unitOf = (word: string): LimitUnit => (/^token/i.test(word) ? 'tokens' : 'requests');

function withBurst(setting: RateSetting, bursts: readonly { readonly burst: number; readonly unit: LimitUnit | '' | undefined }[]): RateSetting {
  const own = bursts.find(({ unit }) => unit === setting.unit) ?? bursts.find(({ unit }) => !unit);
  return own ? { ...setting, burst: own.burst } : setting;
}

/** @throws UsageError for a burst that the window can't hold */
export function checkSetting(setting: RateSetting): RateSetting {
  const { units, burst, unit } = setting;
  if (burst !== undefined && (!Number.isInteger(burst) || burst < 1 || burst > units)) {
    throw new UsageError(`expected a burst from 1 to ${units} ${unit}, because no window may hold more than ${units}, got ${burst}`);
  }
  return setting;
}

/** The same sentence again; `parseLimit` reads it as the same settings. */
export function formatLimit(settings: readonly RateSetting[]): string {
  const windows = new Set(settings.map(({ windowMs }) => windowMs));
  if (windows.size > 1) return settings.map((setting) => formatLimit([setting])).join(' and ');
  const amounts = settings.map(({ units, unit }) => `${formatNumber(units)} ${units === 1 ? unit.slice(0, -1) : unit}`).join(' and ');
  const bursts = settings.flatMap(({ burst, unit }) => (burst === undefined ? [] : [`, burst ${formatNumber(burst)}${settings.length > 1 ? ` ${unit}` : ''}`]));
  return `${amounts} per ${formatWindow(settings[0]!.windowMs)}${bursts.join('')}`;
}

const formatNumber = (number: number): string => number.toLocaleString('en-US');

function formatWindow(windowMs: number): string {
  const [name, ms] = Object.entries(WINDOW_MS).toReversed().find(([, length]) => windowMs % length === 0) ?? (['second', 1000] as const);
  const times = windowMs / ms;
  return times === 1 ? name : `${times} ${name}s`;
}

/** A burst is taken off the window, so a large one wastes; a call has to fit into half of the tokens'. */
const DEFAULT_BURST: Readonly<Record<LimitUnit, (units: number) => number>> = {
  requests: (units) => units / 50,
  tokens: (units) => Math.min(units / 4, Math.max(16_384, units / 20)),
};
/** A call's tokens are at most half of what may start at once; a request is one. */
const LARGEST_SHARE = 2;

/** The limit that keeps the other side's count. */
export function limitOfSetting({ unit, units, windowMs, burst = Math.max(1, Math.floor(DEFAULT_BURST[unit](units))) }: RateSetting, maxWaitMs: number): Limit {
  const limit = windowLimit({ units, windowMs, burst, maxWaitMs });
  return { ...limit, largest: unit === 'requests' ? 1 : Math.max(1, Math.floor(burst / LARGEST_SHARE)) };
}
