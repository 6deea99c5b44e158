import { Agent, type Dispatcher } from 'undici';
import type { CallEnd, Held } from '../limiter.ts';
import { canonicalUrl } from '../web-url.ts';
import { createAdaptiveTimeouts, type AdaptiveTimeouts } from './adaptive-timeouts.ts';
import { assertGuardBlocks, createAddressGuard, type AddressGuard, type ResolveName } from './address-guard.ts';
import { decodeText } from './charset.ts';
import { exchange, type Exchange, type ExchangeRequest, type Timeouts } from './exchange.ts';
import { FetchFault, isTimeout, toFetchFault } from './fetch-errors.ts';
import type { HostLimiter } from './host-limiter.ts';
import type { PageAnswer, PageFetcher, PageRequest } from './page-fetcher.ts';
import { createRobotsCache, type RobotsCache, type RobotsFile } from './robots-cache.ts';
import { MAX_ROBOTS_BYTES } from './robots.ts';
import { createThrottledUrls, type ThrottledUrls } from './throttled-urls.ts';

export interface PageFetcherOptions {
  /** Networks that may be reached although they are not public, such as `127.0.0.0/8`; hosts in them have no limit. */
  readonly allowedNetworks: readonly string[];
  readonly limiter: HostLimiter;
  /** Its first word up to `/` is the product token that robots.txt is asked for. */
  readonly userAgent: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Of a body, on the wire and unpacked alike. @default 10 MiB */
  readonly maxBodyBytes?: number;
  readonly timeouts?: Partial<Timeouts>;
  /** @default the system's resolver */
  readonly resolveName?: ResolveName;
}

export interface GuardedPageFetcher {
  readonly fetchPage: PageFetcher;
  /** Closes idle connections and gives them back to other workers: at the end of every batch. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

export const DEFAULT_MAX_BODY_BYTES = 10 * 1024 * 1024;
export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 10_000, headersMs: 15_000, bodyMs: 15_000, totalMs: 30_000 };
export const MAX_REDIRECTS = 10;
/** RFC 9309: at least five. */
const MAX_ROBOTS_REDIRECTS = 5;
/** Shorter than a connection's slot stays with an idle worker. */
const KEEP_ALIVE_MS = 1000;

interface Hop {
  readonly url: string;
  readonly crawlDelaySeconds?: number;
}

interface Tools {
  readonly options: PageFetcherOptions;
  readonly guard: AddressGuard;
  readonly robots: RobotsCache;
  readonly timeouts: AdaptiveTimeouts;
  readonly isGuardProven: Promise<void>;
  readonly throttled: ThrottledUrls;
  dispatcher: Dispatcher;
}

type HopAnswer = Exchange | Held;
type HopRequest = Pick<ExchangeRequest, 'signal' | 'maxBodyBytes' | 'mediaTypes' | 'cutsBody'> & Pick<PageRequest, 'tenant' | 'group' | 'ahead'>;

/**
 * Fetches pages: from public addresses only, within each host's limit, as robots.txt allows, every redirect judged like the first request.
 * @throws ConfigurationError for a network that can't be read; `fetchPage` rejects with one if this Node does not guard addresses
 */
export function createPageFetcher(options: PageFetcherOptions): GuardedPageFetcher {
  const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
  const { allowedNetworks, clock, resolveName } = options;
  const guard = createAddressGuard({ allowedNetworks, clock, ...(resolveName && { resolveName }) });
  const isGuardProven = assertGuardBlocks();
  // Whoever fetches awaits it; before that it is nobody's unhandled rejection.
  isGuardProven.catch(() => undefined);
  const robots = createRobotsCache(productTokenOf(options.userAgent), clock);
  const tools: Tools = { options, guard, robots, timeouts: createAdaptiveTimeouts(timeouts), isGuardProven, throttled: createThrottledUrls(clock), dispatcher: createDispatcher(guard, timeouts) };
  return {
    fetchPage: (request) => fetchPage(request, tools),
    async rest() {
      const used = tools.dispatcher;
      tools.dispatcher = createDispatcher(guard, timeouts);
      await Promise.all([used.close(), options.limiter.release()]);
    },
    async close() {
      await tools.dispatcher.destroy();
      await options.limiter.release();
    },
  };
}

const productTokenOf = (userAgent: string): string => /^[a-z_-]+/i.exec(userAgent)?.[0] ?? userAgent;

const createDispatcher = (guard: AddressGuard, timeouts: Timeouts): Dispatcher =>
  new Agent({
    // HTTP/1.1: one connection is one request, which is what hosts' limits count.
    allowH2: false,
    connect: { blockList: guard.blockList, lookup: guard.lookup, timeout: timeouts.connectMs },
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
  });

async function fetchPage(request: PageRequest, tools: Tools): Promise<PageAnswer> {
  await tools.isGuardProven;
  try {
    return await followRedirects(request, tools);
  } catch (error) {
    if (error instanceof FetchFault) return { kind: 'failed', error: error.error };
    if (request.signal.aborted) return { kind: 'failed', error: new FetchFault('AbortedError', `the caller gave up on ${request.url}`).error };
    throw error;
  }
}

async function followRedirects(request: PageRequest, tools: Tools): Promise<PageAnswer> {
  const chain = createChain(request.url, MAX_REDIRECTS);
  const { mediaTypes, maxBodyBytes = tools.options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES, tenant, group, ahead } = request;
  const subject = { ...(tenant !== undefined && { tenant }), ...(group !== undefined && { group }) };
  for (;;) {
    const hop = await askRobots(chain.url, request, tools);
    if ('kind' in hop) return hop;
    const answer = await exchangeWithinLimits(hop, { maxBodyBytes, signal: request.signal, ...subject, ...(ahead !== undefined && { ahead }), ...(mediaTypes && { mediaTypes }) }, tools);
    if (answer.kind === 'held') return answer;
    if (answer.kind === 'redirect') {
      chain.follow(answer.location);
      continue;
    }
    const { body, headers } = answer;
    return { ...answer, kind: 'page', url: chain.url, text: () => decodeText(body, headers['content-type'] ?? '') };
  }
}

/** @returns the hop to make, or the answer that ends the fetch */
async function askRobots(url: string, request: PageRequest, tools: Tools): Promise<Hop | PageAnswer> {
  if (request.obeysRobots === false) return { url };
  const { origin } = new URL(url);
  const answer = await tools.robots(origin, () => readRobotsFile(origin, tools));
  if (answer.kind === 'held') return answer;
  if (answer.kind === 'unreachable') throw answer.fault;
  if (!answer.rules.isAllowed(url)) return { kind: 'disallowed' };
  const { crawlDelaySeconds } = answer.rules;
  return { url, ...(crawlDelaySeconds !== undefined && { crawlDelaySeconds }) };
}

/** Serves every request that waits for it: no single one may abort it. */
async function readRobotsFile(origin: string, tools: Tools): Promise<RobotsFile> {
  const { signal } = new AbortController();
  const chain = createChain(`${origin}/robots.txt`, MAX_ROBOTS_REDIRECTS);
  for (;;) {
    const answer = await exchangeWithinLimits({ url: chain.url }, { maxBodyBytes: MAX_ROBOTS_BYTES, cutsBody: true, signal }, tools);
    if (answer.kind === 'held') return answer;
    if (answer.kind === 'response') return { kind: 'file', body: answer.body };
    chain.follow(answer.location);
  }
}

/** One real request: the address first, then the host's connection and its limits. What the host throttles is held back. */
async function exchangeWithinLimits({ url, crawlDelaySeconds }: Hop, request: HopRequest, tools: Tools): Promise<HopAnswer> {
  const { options, guard, timeouts, throttled } = tools;
  const { tenant, group, ahead, ...wanted } = request;
  const { host, hostname } = new URL(url);
  const addresses = await guard.resolve(hostname.replace(/^\[|\]$/g, '')).catch((error: unknown) => {
    throw toFetchFault(error, url);
  });
  const isOpenNetwork = guard.isAllowedNetwork(addresses.map(({ address }) => address));
  const subject = { ...(tenant !== undefined && { tenant }), ...(group !== undefined && { group }) };
  const admission = await options.limiter.admit({ host, signal: request.signal, isOpenNetwork, ...subject, ...(ahead !== undefined && { ahead }), ...(crawlDelaySeconds !== undefined && { crawlDelaySeconds }) });
  if (admission.kind === 'held') return admission;
  if (admission.kind === 'down') throw new FetchFault('HostDownError', `expected ${host} to answer, but it has not for minutes; one request may try again at ${new Date(admission.until).toISOString()} (${url})`);
  let end: CallEnd = { kind: 'answered' };
  const startedAt = options.clock();
  try {
    const answer = await exchange(tools.dispatcher, { ...wanted, url, userAgent: options.userAgent, timeouts: timeouts.of(host) });
    timeouts.noteAnswer(host, options.clock() - startedAt);
    throttled.forget(url);
    end = throttled.endOfAnswer(answer);
    return answer;
  } catch (error) {
    if (!(error instanceof FetchFault)) throw error;
    if (isTimeout(error)) timeouts.noteTimeout(host);
    end = throttled.endOf(error, isOpenNetwork);
    const held = end.kind === 'throttled' ? throttled.holdBack(url, end.until) : undefined;
    if (held === undefined) throw error;
    return held;
  } finally {
    admission.end(end);
  }
}

/** A chain of redirects: each target is read like a first URL, none comes twice. */
function createChain(first: string, maxRedirects: number): { readonly url: string; follow(location: string): void } {
  let url = readUrl(first, 'InvalidUrlError');
  const visited = new Set([url]);
  return {
    get url() {
      return url;
    },
    follow(location) {
      const target = URL.parse(location, url);
      if (target === null) throw new FetchFault('BadRedirectError', `expected a URL to redirect to, got ${JSON.stringify(location.slice(0, 200))} from ${url}`);
      const next = readUrl(target.href, 'BadRedirectError');
      if (visited.has(next)) throw new FetchFault('RedirectLoopError', `expected an end of the redirects, got ${next} twice`);
      if (visited.size > maxRedirects) throw new FetchFault('TooManyRedirectsError', `expected at most ${maxRedirects} redirects from ${first}`);
      visited.add(next);
      url = next;
    },
  };
}

function readUrl(text: string, name: 'InvalidUrlError' | 'BadRedirectError'): string {
  const url = canonicalUrl(text);
  if (!url.ok) throw new FetchFault(name, url.reason);
  return url.href;
}
