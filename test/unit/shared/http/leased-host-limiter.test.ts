import { expect, it } from 'vitest';
import { createHostLimiter } from '../../../../shared/http/leased-host-limiter.ts';
import type { Admission, AdmissionRequest } from '../../../../shared/http/host-limiter.ts';
import type { CallEnd } from '../../../../shared/limiter.ts';
import type { LimitSettings } from '../../../../shared/limit-settings.ts';
import { createMemoryLimitTable } from '../../../support/memory-limit-table.ts';
import { createVirtualTime } from '../../../support/virtual-time.ts';

function world(settings: LimitSettings = {}) {
  const time = createVirtualTime();
  const table = createMemoryLimitTable();
  const newWorker = (owner: string) => createHostLimiter({ table, owner, requestsPerSecond: 2, settings: async () => settings, connections: 2, clock: time.clock, random: () => 0, sleep: time.sleep });
  async function answerOf<T>(asked: Promise<T>): Promise<T> {
    let isDone = false;
    void asked.finally(() => (isDone = true)).catch(() => undefined);
    await time.run(() => isDone);
    return asked;
  }
  const admit = (worker: ReturnType<typeof newWorker>, more: Partial<AdmissionRequest> = {}) => answerOf(worker.admit({ host: 'a.example', signal: new AbortController().signal, ...more }));
  /** A request that ends so. @returns whether it could begin */
  async function request(worker: ReturnType<typeof newWorker>, end: CallEnd, more: Partial<AdmissionRequest> = {}): Promise<Admission> {
    const admission = await admit(worker, more);
    if (admission.kind === 'admitted') admission.end(end);
    await answerOf(time.sleep(0));
    return admission;
  }
  return { time, table, newWorker, admit, request, pass: (ms: number) => answerOf(time.sleep(ms)) };
}

it('a Retry-After that one worker is told holds every worker', async () => {
  const { time, newWorker, request, pass } = world();
  const until = time.clock() + 30_000;
  await request(newWorker('a'), { kind: 'throttled', until });
  const other = newWorker('b');
  expect(await request(other, { kind: 'answered' })).toMatchObject({ kind: 'held', limit: 'host:a.example' });
  await pass(until - time.clock());
  expect(await request(other, { kind: 'answered' })).toMatchObject({ kind: 'admitted' });
});

it('a quota that an answer says is used up holds every worker until it is filled again, at the same rate as before', async () => {
  const { time, table, newWorker, request, pass } = world();
  const until = time.clock() + 30_000;
  await request(newWorker('a'), { kind: 'answered', until });
  const other = newWorker('b');
  expect(await request(other, { kind: 'answered' })).toMatchObject({ kind: 'held', limit: 'host:a.example' });
  await pass(until - time.clock());
  expect(await request(other, { kind: 'answered' })).toMatchObject({ kind: 'admitted' });
  expect(table.peek('host:a.example')?.t).toBeUndefined();
});

it.each<CallEnd>([{ kind: 'answered', until: Infinity }, { kind: 'throttled', until: Infinity }, { kind: 'failed' }])('whatever a host without a limit does (%o), its tenant is not held for it', async (end) => {
  const { newWorker, request } = world({ 'tenant:acme': { unit: 'requests', units: 1000, windowMs: 1000, burst: 100 } });
  const worker = newWorker('a');
  for (let i = 0; i < 6; i++) expect(await request(worker, end, { isOpenNetwork: true, tenant: 'acme' })).toMatchObject({ kind: 'admitted' });
});

it('a host that is silent is asked again by one request at a time; after minutes its requests fail instead of waiting', async () => {
  const { time, newWorker, request, pass } = world();
  const worker = newWorker('a');
  const kinds = new Set<string>();
  const from = time.clock();
  let down: Admission | undefined;
  let sent = 0;
  while (!down) {
    const admission = await request(worker, { kind: 'failed' });
    kinds.add(admission.kind);
    if (admission.kind === 'admitted') sent++;
    if (admission.kind === 'held') await pass(Math.max(1, admission.until - time.clock()));
    if (admission.kind === 'down') down = admission;
  }
  expect(kinds).toEqual(new Set(['admitted', 'held', 'down']));
  expect(sent).toBe(5 + 3);
  expect(time.clock() - from).toBeGreaterThan(200_000);
  if (down.kind === 'down') await pass(down.until - time.clock() + 5000);
  expect(await request(worker, { kind: 'answered' })).toMatchObject({ kind: 'admitted' });
  await pass(5000);
  expect(await request(worker, { kind: 'answered' })).toMatchObject({ kind: 'admitted' });
});

it('a host in an allowed network has the limits that settings name for it, and no other', async () => {
  const free = world();
  for (let i = 0; i < 5; i++) expect(await free.admit(free.newWorker('a'), { isOpenNetwork: true })).toMatchObject({ kind: 'admitted' });
  expect(free.table.writes).toEqual({});
  const named = world({ 'tenant:acme': { unit: 'requests', units: 1, windowMs: 60_000, burst: 1 } });
  const worker = named.newWorker('a');
  expect(await named.admit(worker, { isOpenNetwork: true, tenant: 'acme' })).toMatchObject({ kind: 'admitted' });
  expect(await named.admit(worker, { isOpenNetwork: true, tenant: 'acme' })).toMatchObject({ kind: 'held', limit: 'tenant:acme' });
  expect(await named.admit(worker, { isOpenNetwork: true, tenant: 'zeta' })).toMatchObject({ kind: 'admitted' });
});
