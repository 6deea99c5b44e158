import { createHostLimiter } from '../shared/http/leased-host-limiter.ts';
import type { LimitTable } from '../shared/http/host-limiter.ts';
import type { RateSetting } from '../shared/limit-language.ts';
import { createMemoryLimitTable } from '../test/support/memory-limit-table.ts';
import { createVirtualTime } from '../test/support/virtual-time.ts';
import { createRandom } from './random.ts';

/**
 * Calls of the table `limits` for 1,000 pages of 50 hosts, in virtual time: reservations, and leases of connections.
 * `node bench/limit-writes.ts`
 * Four workers, batches of 50 items sorted by host as the planner cuts them, eight items of a batch at once, pages of 200 ms. What is held back comes again.
 */
const HOSTS = 50;
const WORKERS = 4;
const AT_ONCE = 8;
const BATCH = 50;
const PAGE_MS = 200;

const RATES: Readonly<Record<string, { readonly connections: number; readonly setting?: RateSetting }>> = {
  '2 a second (default)': { connections: 2 },
  '10 a second, burst 5, 8 connections': { connections: 8, setting: { unit: 'requests', units: 10, windowMs: 1000, burst: 5 } },
  '50 a second, burst 10, 8 connections': { connections: 8, setting: { unit: 'requests', units: 50, windowMs: 1000, burst: 10 } },
};

console.log('rate of each host | items a host | for 1,000 items: writes of rates | reads | leases of connections | pages a second');
for (const [name, rate] of Object.entries(RATES)) for (const itemsOfHost of [20, 200]) await measure(name, rate, itemsOfHost);

async function measure(name: string, { connections, setting }: (typeof RATES)[string], itemsOfHost: number): Promise<void> {
  const time = createVirtualTime();
  const random = createRandom(1);
  const calls = { reads: 0, writes: 0, connections: 0 };
  const table = counting(createMemoryLimitTable(), calls);
  const settings = async () => (setting ? { 'host:*': setting } : {});
  const startedAt = time.clock();
  const queue = batches(itemsOfHost);
  let working = WORKERS;
  let done = 0;
  const worker = async (owner: string): Promise<void> => {
    const limiter = createHostLimiter({ table, owner, requestsPerSecond: 2, connections, settings, clock: time.clock, random, sleep: time.sleep });
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
      const left = [...batch.hosts];
      const held: string[] = [];
      let until = 0;
      if (batch.notBefore > time.clock()) await time.sleep(batch.notBefore - time.clock());
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let host = left.shift(); host !== undefined; host = left.shift()) {
            const answer = await limiter.admit({ host, ahead: left.filter((other) => other === host).length, signal: new AbortController().signal });
            if (answer.kind === 'admitted') {
              await time.sleep(PAGE_MS);
              answer.end();
              done++;
            } else {
              held.push(host);
              until = until === 0 ? answer.until : Math.min(until, answer.until);
            }
          }
        }),
      );
      await limiter.release();
      if (held.length > 0) queue.push({ hosts: held, notBefore: until });
    }
    working--;
  };
  const all = Promise.all(Array.from({ length: WORKERS }, (_, i) => worker(`w${i}`)));
  await time.run(() => working === 0);
  await all;
  const per1000 = (count: number): number => Math.round((1000 * count) / done);
  console.log(`${name} | ${itemsOfHost} | ${per1000(calls.writes)} | ${per1000(calls.reads)} | ${per1000(calls.connections)} | ${((1000 * done) / (time.clock() - startedAt)).toFixed(1)}`);
}

function batches(itemsOfHost: number): { readonly hosts: string[]; readonly notBefore: number }[] {
  const hosts = Array.from({ length: HOSTS }, (_, i) => Array.from({ length: itemsOfHost }, () => `h${i}.example`)).flat();
  return Array.from({ length: Math.ceil(hosts.length / BATCH) }, (_, n) => ({ hosts: hosts.slice(n * BATCH, (n + 1) * BATCH), notBefore: 0 }));
}

function counting(table: LimitTable, calls: { reads: number; writes: number; connections: number }): LimitTable {
  return new Proxy(table, {
    get(target, name: keyof LimitTable) {
      if (name !== 'peek') calls[name.includes('lot') ? 'connections' : name === 'read' ? 'reads' : 'writes']++;
      return target[name];
    },
  });
}
