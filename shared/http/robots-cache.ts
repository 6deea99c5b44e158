import type { Held } from '../limiter.ts';
import { decodeText } from './charset.ts';
import { FetchFault } from './fetch-errors.ts';
import { ALLOW_ALL, parseRobots, type RobotsRules } from './robots.ts';

/** RFC 9309: not used for more than 24 hours. */
const RULES_LIFE_MS = 24 * 3_600_000;
/** An unreachable file forbids everything; soon it is asked for again. */
const FAILURE_LIFE_MS = 60_000;
const MAX_ORIGINS = 5000;

export type RobotsAnswer =
  | { readonly kind: 'rules'; readonly rules: RobotsRules }
  /** Unreachable: RFC 9309 takes it as a complete disallow; here it is a failure that may be tried again. */
  | { readonly kind: 'unreachable'; readonly fault: FetchFault }
  | Held;

export type RobotsFile = { readonly kind: 'file'; readonly body: Uint8Array } | Held;

/** Rules of an origin, read once a worker and day. `readFile` throws a FetchFault for a failure. */
export type RobotsCache = (origin: string, readFile: () => Promise<RobotsFile>) => Promise<RobotsAnswer>;

export function createRobotsCache(productToken: string, clock: () => number): RobotsCache {
  const known = new Map<string, { until: number; readonly answer: Promise<RobotsAnswer> }>();
  return (origin, readFile) => {
    const now = clock();
    const hit = known.get(origin);
    if (hit && hit.until > now) return hit.answer;
    if (known.size >= MAX_ORIGINS) known.delete(known.keys().next().value!);
    const answer = readRules(readFile, productToken);
    const entry = { until: now + RULES_LIFE_MS, answer };
    known.set(origin, entry);
    const forget = (): void => void (known.get(origin) === entry && known.delete(origin));
    answer.then((result) => {
      if (result.kind === 'held') forget();
      if (result.kind === 'unreachable') entry.until = clock() + FAILURE_LIFE_MS;
    }, forget);
    return answer;
  };
}

async function readRules(readFile: () => Promise<RobotsFile>, productToken: string): Promise<RobotsAnswer> {
  try {
    const file = await readFile();
    if (file.kind === 'held') return file;
    return { kind: 'rules', rules: parseRobots(decodeText(file.body, 'text/plain; charset=utf-8'), productToken) };
  } catch (error) {
    if (!(error instanceof FetchFault)) throw error;
    return describeFailure(error);
  }
}

/** RFC 9309, 2.3.1: 4xx and too many redirects mean "no rules"; 5xx and a dead network mean "nothing allowed". */
function describeFailure(fault: FetchFault): RobotsAnswer {
  const { name, message, retryable } = fault.error;
  const isAbsent = name === 'HttpStatusError' && / got 4(?!29)\d\d /.test(message);
  if (isAbsent || name === 'TooManyRedirectsError' || name === 'RedirectLoopError' || name === 'BadRedirectError') return { kind: 'rules', rules: ALLOW_ALL };
  // A host that can't be reached at all fails by its own name, not by that of its robots.txt.
  if (!ROBOTS_FAULTS.has(name)) return { kind: 'unreachable', fault };
  return { kind: 'unreachable', fault: new FetchFault('RobotsUnavailableError', `robots.txt can't be read, so nothing may be: ${message}`, retryable || name === 'HttpStatusError') };
}

const ROBOTS_FAULTS: ReadonlySet<string> = new Set([
  'HttpStatusError', 'TruncatedBodyError', 'BadEncodingError', 'BodyTooLargeError', 'UnsupportedEncodingError', 'HeadersTimeoutError', 'BodyTimeoutError', 'TotalTimeoutError', 'ProtocolError',
]);
