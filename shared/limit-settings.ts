import { UsageError } from './errors.ts';
import { LIMIT_UNITS, limitOfSetting, type LimitUnit, type RateSetting } from './limit-language.ts';
import { limitPerSecond, type Limit } from './limits.ts';

/**
 * Limits by pattern: `host:example.com`, `domain:example.com` (it and every name below it), `tenant:acme`, `group:acme/site`, `api:openai:gpt-4o:tokens`,
 * each with `*` for any (`host:*`, `api:openai:*:requests`), and products of them, such as `tenant:acme*host:*`: counted for each combination.
 */
export type LimitSettings = Readonly<Record<string, RateSetting>>;

/** What a request is counted on. */
export interface LimitSubject {
  /** As in a URL: with the port, if it is not the scheme's own. */
  readonly host?: string;
  readonly tenant?: string;
  readonly group?: string;
  /** One unit of a call of an API: `api:openai:gpt-4o:tokens`. */
  readonly api?: string;
}

const KINDS = ['host', 'domain', 'tenant', 'group', 'api'] as const;
const PART = /^(?<kind>[a-z]+):(?<name>[^\s*:][^\s*]*|\*|[^\s]*:\*(?::[^\s*]+)?)$/;
const PRODUCT = /\*(?=[a-z]+:)/;
const MIN_DOMAIN_LABELS = 2;

/**
 * Patterns that a key as people give it stands for: an `api` without its unit stands for one of each unit.
 * @throws UsageError saying what was expected
 */
export function patternsFor(given: string, settings: readonly RateSetting[]): readonly (readonly [pattern: string, setting: RateSetting])[] {
  const parts = given.split(PRODUCT);
  for (const part of parts) checkPart(part, given);
  return settings.map((setting) => [patternOf(given, parts, setting.unit), setting] as const);
}

function checkPart(part: string, given: string): void {
  const { kind } = PART.exec(part)?.groups ?? {};
  if (!KINDS.some((known) => known === kind)) {
    throw new UsageError(`expected a key such as host:example.com, host:*, domain:example.com, tenant:acme, group:acme/site, api:openai:gpt-4o or tenant:acme*host:example.com, got ${JSON.stringify(given)}`);
  }
}

function patternOf(given: string, parts: readonly string[], unit: LimitUnit): string {
  const isApi = parts.some((part) => part.startsWith('api:'));
  if (!isApi && unit !== 'requests') throw new UsageError(`expected requests for ${given}: only the keys of an api count tokens`);
  const named = LIMIT_UNITS.find((each) => given.endsWith(`:${each}`));
  if (named && named !== unit) throw new UsageError(`expected a rate of ${named} for ${given}, got one of ${unit}`);
  return isApi && !named ? `${given}:${unit}` : given;
}

function matches(pattern: string, part: string): boolean {
  const wanted = pattern.split(':');
  const got = part.split(':');
  return wanted.every((word, i) => word === got[i] || (word === '*' && got[i] !== undefined)) && (wanted.length === got.length || (wanted.at(-1) === '*' && wanted.length < got.length));
}

/** The setting of a key: its own, else that of the pattern with the fewest `*`. */
export function findSetting(key: string, settings: LimitSettings): RateSetting | undefined {
  const own = settings[key];
  if (own) return own;
  const parts = key.split(PRODUCT);
  const matching = Object.keys(settings).filter((pattern) => {
    const wanted = pattern.split(PRODUCT);
    return wanted.length === parts.length && wanted.every((part, i) => matches(part, parts[i]!));
  });
  const best = matching.toSorted((a, b) => countStars(a) - countStars(b) || (a < b ? -1 : 1))[0];
  return best === undefined ? undefined : settings[best];
}

const countStars = (pattern: string): number => pattern.split(PRODUCT).filter((part) => part.split(':').includes('*')).length;

/** Keys that the settings name for such a request, each once; of `domain` patterns the longest that fits. */
export function keysOf(subject: LimitSubject, settings: LimitSettings): string[] {
  const candidates = candidatesOf(subject);
  const keys = Object.keys(settings).flatMap((pattern) => {
    const parts = pattern.split(PRODUCT).map((part) => candidates.find((candidate) => matches(part, candidate)));
    return parts.every((part) => part !== undefined) ? [parts.join('*')] : [];
  });
  const domains = keys.filter((key) => key.startsWith('domain:') && !PRODUCT.test(key)).toSorted((a, b) => b.length - a.length);
  return [...new Set(keys.filter((key) => !domains.includes(key) || key === domains[0]))];
}

function candidatesOf({ host, tenant, group, api }: LimitSubject): string[] {
  const labels = (host ?? '').replace(/:\d+$/, '').split('.');
  const domains = labels.slice(0, labels.length - MIN_DOMAIN_LABELS + 1).map((_, i) => `domain:${labels.slice(i).join('.')}`);
  return [
    ...(host === undefined ? [] : [`host:${host}`, ...domains]),
    ...(api === undefined ? [] : [api]),
    ...(tenant === undefined ? [] : [`tenant:${tenant}`]),
    ...(tenant === undefined || group === undefined ? [] : [`group:${tenant}/${group}`]),
  ];
}

/** An API without a setting: few enough for most accounts, and its Retry-After has a record to be kept in. */
export const DEFAULT_API_REQUESTS: RateSetting = { unit: 'requests', units: 600, windowMs: 60_000 };

/** What a key is limited to; hosts and the requests of APIs without a setting have defaults. */
export function limitForKey(key: string, settings: LimitSettings, { maxWaitMs, hostRequestsPerSecond }: { readonly maxWaitMs: number; readonly hostRequestsPerSecond: number }): Limit | undefined {
  const setting = findSetting(key, settings);
  if (setting) return limitOfSetting(setting, maxWaitMs);
  if (key.startsWith('api:') && key.endsWith(':requests') && !PRODUCT.test(key)) return limitOfSetting(DEFAULT_API_REQUESTS, maxWaitMs);
  return key.startsWith('host:') && !PRODUCT.test(key) ? limitPerSecond(hostRequestsPerSecond, maxWaitMs) : undefined;
}
