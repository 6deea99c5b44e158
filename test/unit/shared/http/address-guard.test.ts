import { existsSync, readFileSync } from 'node:fs';
import { BlockList, connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { assertGuardBlocks, createAddressGuard } from '../../../../shared/http/address-guard.ts';
import { parseNetwork, subtractNetwork } from '../../../../shared/http/network.ts';

const VECTORS = new URL('../../../../../shared/data/vectors/address-policy.json', import.meta.url);
interface Case {
  readonly ips: readonly string[];
  readonly expected: 'blocked' | 'allowed';
}

const guardWith = (...allowedNetworks: string[]) => createAddressGuard({ allowedNetworks, clock: () => 0, resolveName: () => Promise.resolve([]) });
const judge = (guard: ReturnType<typeof guardWith>, address: string) => (guard.isBlocked([address]) ? 'blocked' : 'allowed');

describe.skipIf(!existsSync(VECTORS))('the policy for public addresses (skipped where the shared vectors are missing)', () => {
  const { cases } = existsSync(VECTORS) ? (JSON.parse(readFileSync(VECTORS, 'utf8')) as { cases: Case[] }) : { cases: [] };
  test.each(cases)('$ips: $expected', ({ ips, expected }) => {
    expect(guardWith().isBlocked(ips)).toBe(expected === 'blocked');
  });
});

test('an allowed network is a hole of exactly its size, for mapped addresses too', () => {
  const guard = guardWith('127.0.0.0/8', '10.1.2.0/24', 'fd00:1::/32', '::1');
  for (const address of ['127.9.9.9', '10.1.2.0', '10.1.2.255', '::ffff:10.1.2.3', 'fd00:1:ffff::1', '::1', '8.8.8.8']) expect(judge(guard, address), address).toBe('allowed');
  for (const address of ['10.1.1.255', '10.1.3.0', '::ffff:10.1.3.0', 'fd00:2::', 'fd00:0:ffff::', '::2', '192.168.0.1']) expect(judge(guard, address), address).toBe('blocked');
});

test('allowed means within the networks of the operator, not just public', () => {
  const guard = guardWith('127.0.0.0/8');
  expect(guard.isAllowedNetwork(['127.0.0.1'])).toBe(true);
  expect(guard.isAllowedNetwork(['127.0.0.1', '8.8.8.8'])).toBe(false);
  expect(guard.isAllowedNetwork([])).toBe(false);
});

test('a network that can not be read is refused with its text', () => {
  for (const text of ['localhost', '10.0.0.0/33', '10.0.0/8', '::/129', '1.2.3.4/', '']) expect(() => guardWith(text), text).toThrow(JSON.stringify(text));
});

test('a network without its hole has the size of the difference and no part of the hole', () => {
  const whole = parseNetwork('10.0.0.0/8')!;
  const left = subtractNetwork(whole, parseNetwork('10.1.2.3')!);
  expect(left.reduce((sum, { prefixBits }) => sum + 2 ** (32 - prefixBits), 0)).toBe(2 ** 24 - 1);
  expect(subtractNetwork(whole, parseNetwork('0.0.0.0/0')!)).toEqual([]);
  expect(subtractNetwork(whole, parseNetwork('11.0.0.0/8')!)).toEqual([whole]);
});

test('names are resolved once in half a minute, and again after it; a failure is not kept', async () => {
  let now = 0;
  const asked: string[] = [];
  const resolveName = (name: string) => {
    asked.push(name);
    return asked.length === 1 ? Promise.reject(new Error('dead')) : Promise.resolve([{ address: '8.8.8.8', family: 4 }]);
  };
  const guard = createAddressGuard({ allowedNetworks: [], clock: () => now, resolveName });
  await expect(guard.resolve('a.example')).rejects.toThrow('dead');
  await guard.resolve('a.example');
  await guard.resolve('a.example');
  expect(asked).toHaveLength(2);
  now = 30_000;
  await guard.resolve('a.example');
  expect(asked).toHaveLength(3);
});

test('this Node refuses blocked addresses in net.connect', async () => {
  await assertGuardBlocks();
  const blockList = new BlockList();
  blockList.addAddress('127.0.0.1');
  // `blockList` is missing in the types of this Node version.
  const options = { host: '127.0.0.1', port: 9, blockList };
  const code = await new Promise((resolve) => connect(options).once('error', (error: NodeJS.ErrnoException) => resolve(error.code)));
  expect(code).toBe('ERR_IP_BLOCKED');
});
