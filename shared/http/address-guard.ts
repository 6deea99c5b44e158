import type { LookupAddress, LookupOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { buildConnector } from 'undici';
import { ConfigurationError } from '../errors.ts';
import { addNetwork, parseNetwork, subtractNetwork, type Network } from './network.ts';

/**
 * Which addresses a request may leave for: public ones (IANA's special-purpose registries) and what the operator allowed.
 * It decides twice: on every address of a name before the request, and inside `net.connect` (`blockList`), so that neither
 * an IP literal nor a name that changes its answer slips through.
 */
export interface AddressGuard {
  /** For `net.connect`. */
  readonly blockList: BlockList;
  /** One blocked address blocks the name; so does a name without an address. */
  isBlocked(addresses: readonly string[]): boolean;
  /** All of them are in networks that the operator allowed. */
  isAllowedNetwork(addresses: readonly string[]): boolean;
  /** Addresses of a host name or literal (without brackets), cached for a short time. @throws AddressBlockedFault, or what the resolver throws */
  resolve(hostname: string): Promise<readonly LookupAddress[]>;
  /** The same for `net.connect`. */
  readonly lookup: (hostname: string, options: LookupOptions, done: LookupCallback) => void;
}

export type ResolveName = (hostname: string) => Promise<readonly LookupAddress[]>;
type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

export interface AddressGuardOptions {
  /** `127.0.0.0/8`, `::1`: networks that may be reached although they are not public. */
  readonly allowedNetworks: readonly string[];
  readonly clock: () => number;
  /** @default the system's resolver */
  readonly resolveName?: ResolveName;
}

/** A blocked destination. `code` is the one that `net.connect` gives with a block list. */
export class AddressBlockedFault extends Error {
  override readonly name = 'AddressBlockedFault';
  readonly code = ADDRESS_BLOCKED_CODE;
}

export const ADDRESS_BLOCKED_CODE = 'ERR_IP_BLOCKED';

const BLOCKED_IPV4 = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24',
  '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  '168.63.129.16/32', // Azure's platform address is public by registry, internal by use
];
/** Global unicast is 2000::/3; all else is blocked, and inside it what tunnels (Teredo, 6to4) or is reserved. */
const BLOCKED_IPV6 = ['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];
/** Mapped addresses are judged by the IPv4 rules, which `BlockList` applies to them itself. */
const MAPPED_IPV4 = '::ffff:0:0/96';

const RESOLUTION_LIFE_MS = 30_000;
const MAX_RESOLUTIONS = 2000;

/** @throws ConfigurationError for a network that can't be read */
export function createAddressGuard({ allowedNetworks, clock, resolveName = resolveBySystem }: AddressGuardOptions): AddressGuard {
  const allowed = allowedNetworks.map(readNetwork);
  const blockList = createBlockList([...allowed, readNetwork(MAPPED_IPV4)]);
  const allowList = new BlockList();
  for (const network of allowed) addNetwork(allowList, network);
  const isBlocked = (addresses: readonly string[]): boolean => addresses.length === 0 || addresses.some((address) => isListed(blockList, address));
  const isAllowedNetwork = (addresses: readonly string[]): boolean => addresses.length > 0 && addresses.every((address) => isListed(allowList, address));
  const known = new Map<string, { readonly until: number; readonly addresses: Promise<readonly LookupAddress[]> }>();

  async function resolveChecked(hostname: string): Promise<readonly LookupAddress[]> {
    const family = isIP(hostname);
    const answers = family === 0 ? await resolveName(hostname) : [{ address: hostname, family }];
    const addresses = answers.map(({ address }) => address);
    if (isBlocked(addresses)) throw new AddressBlockedFault(`expected a public address, got ${addresses.join(', ') || 'none'} for ${hostname}`);
    return answers;
  }
  function resolve(hostname: string): Promise<readonly LookupAddress[]> {
    const now = clock();
    const hit = known.get(hostname);
    if (hit && hit.until > now) return hit.addresses;
    if (known.size >= MAX_RESOLUTIONS) known.clear();
    const addresses = resolveChecked(hostname);
    known.set(hostname, { until: now + RESOLUTION_LIFE_MS, addresses });
    addresses.catch(() => known.delete(hostname));
    return addresses;
  }
  const lookupGuarded = (hostname: string, options: LookupOptions, done: LookupCallback): void => {
    resolve(hostname).then(
      (addresses) => (options.all ? done(null, [...addresses]) : done(null, addresses[0]!.address, addresses[0]!.family)),
      (error: NodeJS.ErrnoException) => done(error, ''),
    );
  };
  return { blockList, isBlocked, isAllowedNetwork, resolve, lookup: lookupGuarded };
}

/**
 * Proves that the block list is really looked at, for literals and for names.
 * Law: Node before 22.13 ignores `blockList` in `net.connect` without a word.
 * @throws ConfigurationError
 */
export async function assertGuardBlocks(): Promise<void> {
  const blockList = new BlockList();
  blockList.addSubnet('127.0.0.0', 8, 'ipv4');
  const lookupLoopback = (_: string, options: LookupOptions, done: LookupCallback): void =>
    options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
  const connect = buildConnector({ blockList, lookup: lookupLoopback, timeout: SELF_TEST_TIMEOUT_MS });
  for (const hostname of ['127.0.0.1', 'guard.invalid']) {
    const code = await new Promise((resolve) => {
      connect({ hostname, protocol: 'http:', port: DISCARD_PORT }, (error, socket) => {
        socket?.destroy();
        resolve(error === null ? 'connected' : (error as NodeJS.ErrnoException).code);
      });
    });
    if (code !== ADDRESS_BLOCKED_CODE) {
      throw new ConfigurationError(`expected this Node to refuse blocked addresses in net.connect, got ${String(code)} for ${hostname}: use Node 22.19 or newer`);
    }
  }
}

const SELF_TEST_TIMEOUT_MS = 2000;
const DISCARD_PORT = '9';

function createBlockList(holes: readonly Network[]): BlockList {
  const list = new BlockList();
  const blocked = [...BLOCKED_IPV4, ...BLOCKED_IPV6].map(readNetwork);
  const left = holes.reduce((networks, hole) => networks.flatMap((network) => subtractNetwork(network, hole)), blocked);
  for (const network of left) addNetwork(list, network);
  return list;
}

function readNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (!network) throw new ConfigurationError(`expected a network such as 127.0.0.0/8, got ${JSON.stringify(text)}`);
  return network;
}

/** A zone (`fe80::1%eth0`) or anything else that is no address counts as listed: what can't be judged is not connected to. */
function isListed(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family === 4 ? list.check(address, 'ipv4') : family === 6 && list.check(address.replace(/%.*$/, ''), 'ipv6');
}

const resolveBySystem: ResolveName = (hostname) => lookup(hostname, { all: true });
