import { isIPv4, isIPv6, type BlockList } from 'node:net';

/** A block of addresses, `10.0.0.0/8`. `base` has no bits below the prefix. */
export interface Network {
  readonly family: 'ipv4' | 'ipv6';
  readonly base: bigint;
  readonly prefixBits: number;
}

const ADDRESS_BITS = { ipv4: 32, ipv6: 128 } as const;

/** @returns undefined for anything but `<address>/<prefix>`, or a bare address. */
export function parseNetwork(text: string): Network | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  if (family === undefined || rest.length > 0) return undefined;
  const bits = ADDRESS_BITS[family];
  if (prefix !== undefined && (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits)) return undefined;
  const prefixBits = prefix === undefined ? bits : Number(prefix);
  return { family, prefixBits, base: clearBelow(family === 'ipv4' ? ipv4ToNumber(address) : ipv6ToNumber(address), bits - prefixBits) };
}

/** What is left of a network without the hole: networks again. */
export function subtractNetwork(network: Network, hole: Network): Network[] {
  if (isWithin(network, hole)) return [];
  if (!isWithin(hole, network)) return [network];
  const prefixBits = network.prefixBits + 1;
  const half = 1n << BigInt(ADDRESS_BITS[network.family] - prefixBits);
  const halves = [network.base, network.base + half].map((base) => ({ family: network.family, base, prefixBits }));
  return halves.flatMap((part) => subtractNetwork(part, hole));
}

export function addNetwork(list: BlockList, network: Network): void {
  const address = network.family === 'ipv4' ? numberToIpv4(network.base) : numberToIpv6(network.base);
  list.addSubnet(address, network.prefixBits, network.family);
}

function isWithin(inner: Network, outer: Network): boolean {
  if (inner.family !== outer.family || inner.prefixBits < outer.prefixBits) return false;
  return clearBelow(inner.base, ADDRESS_BITS[outer.family] - outer.prefixBits) === outer.base;
}

const clearBelow = (value: bigint, bits: number): bigint => (value >> BigInt(bits)) << BigInt(bits);
const ipv4ToNumber = (text: string): bigint => text.split('.').reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

function ipv6ToNumber(text: string): bigint {
  // WHATWG writes every form (zones aside) as compressed hexadecimal groups.
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::');
  const groups = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const [before, after] = [groups(head), groups(tail)];
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

const numberToIpv4 = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');

const numberToIpv6 = (value: bigint): string =>
  Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - i * 16)) & 65_535n).toString(16)).join(':');
