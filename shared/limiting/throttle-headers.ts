/** What the other side says of its own limits, in the headers of a response (names in lower case). All times are milliseconds since the epoch, an hour from now at most. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** Whatever the other side says: nothing is held for longer. */
export const MAX_RETRY_AFTER_MS = 3_600_000;
/** Smaller numbers are seconds from now, larger ones since the epoch. */
const EPOCH_SECONDS = 1_000_000_000;
const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `retry-after-ms`, then `Retry-After` in seconds or as an HTTP date, then the reset of a quota that is used up. */
export function retryAfterOf(headers: Headers, nowMs: number): number | undefined {
  const ms = readNumber(headers['retry-after-ms']);
  if (ms !== undefined) return boundedFrom(nowMs, nowMs + ms);
  const value = headers['retry-after']?.trim();
  const seconds = readNumber(value);
  if (seconds !== undefined) return boundedFrom(nowMs, nowMs + 1000 * seconds);
  const date = value === undefined || value === '' ? NaN : Date.parse(value);
  return Number.isNaN(date) ? exhaustedUntil(headers, nowMs) : boundedFrom(nowMs, date);
}

/** When a quota of which nothing remains is filled again; of several the last. Undefined: none is used up, or no header says when. */
export function exhaustedUntil(headers: Headers, nowMs: number): number | undefined {
  const resets = [...namedQuotas(headers), ...structuredQuotas(headers)].filter(({ remaining }) => remaining === 0).flatMap(({ reset }) => readReset(reset, nowMs) ?? []);
  return resets.length === 0 ? undefined : boundedFrom(nowMs, Math.max(...resets));
}

const boundedFrom = (nowMs: number, until: number): number => Math.min(nowMs + MAX_RETRY_AFTER_MS, Math.max(nowMs, until));

interface Quota {
  readonly remaining: number | undefined;
  readonly reset: string | undefined;
}

/** `x-ratelimit-remaining-requests`/`x-ratelimit-reset-requests` (and tokens), `x-ratelimit-remaining`/`x-ratelimit-reset`, `ratelimit-remaining`/`ratelimit-reset`. */
const namedQuotas = (headers: Headers): Quota[] =>
  ['x-ratelimit-|-requests', 'x-ratelimit-|-tokens', 'x-ratelimit-|', 'ratelimit-|'].map((pattern) => ({
    remaining: readNumber(headers[pattern.replace('|', 'remaining')]),
    reset: headers[pattern.replace('|', 'reset')],
  }));

/** The IETF drafts: `ratelimit: "default";r=0;t=30` and `ratelimit: limit=100, remaining=0, reset=30`. */
function structuredQuotas({ ratelimit = '' }: Headers): Quota[] {
  const items = ratelimit.includes('remaining=') ? [ratelimit] : ratelimit.split(',');
  return items.map((item) => ({
    remaining: readNumber(/(?:^|[;,\s])(?:r|remaining)\s*=\s*(\d+)/.exec(item)?.[1]),
    reset: /(?:^|[;,\s])(?:t|reset)\s*=\s*(\d+)/.exec(item)?.[1],
  }));
}

/** `6m0s`, `20ms`, `1.5s`; a plain number is seconds from now, or since the epoch if it is that large. */
function readReset(text: string | undefined, nowMs: number): number | undefined {
  const number = readNumber(text);
  if (number !== undefined) return number > EPOCH_SECONDS ? Math.max(nowMs, Math.ceil(1000 * number)) : nowMs + Math.ceil(1000 * number);
  if (text === undefined || !/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)].map(([, amount, unit]) => Number(amount) * MS[unit as keyof typeof MS]);
  return nowMs + Math.ceil(parts.reduce((sum, part) => sum + part, 0));
}

function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}
