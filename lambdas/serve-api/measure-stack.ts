import { viewTenants } from '../../shared/view-tenant.ts';
import type { ApiPorts } from './ports.ts';
import type { Metric } from './prometheus-text.ts';

/** Everything is a gauge: the stack keeps a moment's state, and what has ended is in its runs. */
export async function measure({ describeQueue, tenantAdmin, limits }: Pick<ApiPorts, 'describeQueue' | 'tenantAdmin' | 'limits'>): Promise<Metric[]> {
  const queue = await describeQueue();
  const [tenants, lines] = await Promise.all([viewTenants(tenantAdmin, queue), limits.list()]);
  const ofClass = gaugesOf(Object.entries(queue.classes), ([name]) => ({ class: name }));
  const ofLane = gaugesOf(queue.tenants, ({ tenant }) => ({ tenant }));
  const ofTenant = gaugesOf(tenants, ({ tenant }) => ({ tenant }));
  const ofLimit = gaugesOf(lines, ({ key }) => ({ key }));
  return [
    ofClass('worker_window_batches', 'Batches of a worker class that may be in flight.', ([, { window }]) => window),
    ofClass('worker_in_flight_batches', 'Batches of a worker class that are in flight.', ([, { inFlight }]) => inFlight),
    ofClass('worker_items_per_second', 'Items that got their verdict, over about half a minute.', ([, { itemsPerSecond }]) => itemsPerSecond),
    ofLane('tenant_in_flight_batches', 'Batches of a tenant that are in flight.', ({ inFlight }) => inFlight),
    ofLane('tenant_waiting_batches', 'Opened batches of a tenant that wait.', ({ waitingBatches }) => waitingBatches),
    ofLane('tenant_share_ratio', 'Part of the work of all tenants, over about half a minute.', ({ share }) => share),
    ofLane('tenant_lag_seconds', 'Seconds of a worker that a tenant is ahead of its turn.', ({ lagMs }) => lagMs / 1000),
    ofTenant('tenant_open_runs', 'Runs of a tenant that go on.', ({ openRuns }) => openRuns),
    ofTenant('tenant_queued_runs', 'Runs of a tenant that wait to be let in.', ({ queuedRuns }) => queuedRuns),
    ofTenant('tenant_waiting_items', 'Items that wait under the cap of a tenant.', ({ waiting }) => waiting?.items),
    ofTenant('tenant_credits', 'Credits of a tenant that are free.', ({ credits }) => credits?.balance),
    ofTenant('tenant_held_credits', 'Credits of a tenant that its runs hold.', ({ credits }) => credits?.held),
    ofLimit('limit_units_per_minute', 'What a limit in use allows.', ({ perMinute }) => perMinute),
    ofLimit('limit_used_units', 'Units of the last minute.', ({ used, perMinute }) => (perMinute === undefined ? undefined : used)),
    ofLimit('limit_rate_ratio', 'Part of its rate that a limit gives, below 1 after a throttle.', ({ share }) => share),
    ofLimit('limit_waiting_batches', 'Batches that wait for a limit.', ({ waiting }) => waiting),
    ofLimit('limit_breaker_open', '1 while nothing is sent because nothing was answered.', ({ breaker, perMinute }) => (perMinute === undefined ? undefined : Number(breaker === 'open'))),
  ];
}

/** Gauges over the same entries; an entry without a value has no sample. */
const gaugesOf =
  <Entry>(entries: readonly Entry[], labelsOf: (entry: Entry) => Metric['samples'][number]['labels']) =>
  (name: string, help: string, valueOf: (entry: Entry) => number | undefined): Metric => ({
    name: `spillway_${name}`,
    help,
    samples: entries.flatMap((entry) => {
      const value = valueOf(entry);
      return value === undefined ? [] : [{ labels: labelsOf(entry), value }];
    }),
  });
