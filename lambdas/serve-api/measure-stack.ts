import { viewTenants } from '../../shared/view-tenant.ts';
import type { ApiPorts } from './ports.ts';
import type { Metric } from './prometheus-text.ts';

type Labels = Readonly<Record<string, string>>;

/** Everything is a gauge: the stack keeps a moment's state, and what has ended is in its runs. */
export async function measure({ describeQueue, tenantAdmin, limits }: Pick<ApiPorts, 'describeQueue' | 'tenantAdmin' | 'limits'>): Promise<Metric[]> {
  const queue = await describeQueue();
  const [tenants, lines] = await Promise.all([viewTenants(tenantAdmin, queue), limits.list()]);
  const gauge = <Entry>(name: string, help: string, entries: readonly Entry[], labelsOf: (entry: Entry) => Labels, valueOf: (entry: Entry) => number | undefined): Metric => ({
    name: `spillway_${name}`,
    help,
    samples: entries.flatMap((entry) => {
      const value = valueOf(entry);
      return value === undefined ? [] : [{ labels: labelsOf(entry), value }];
    }),
  });
  const classes = Object.entries(queue.classes);
  const ofClass = ([name]: (typeof classes)[number]): Labels => ({ class: name });
  const ofTenant = ({ tenant }: { readonly tenant: string }): Labels => ({ tenant });
  const ofKey = ({ key }: { readonly key: string }): Labels => ({ key });
  return [
    gauge('worker_window_batches', 'Batches of a worker class that may be in flight.', classes, ofClass, ([, { window }]) => window),
    gauge('worker_in_flight_batches', 'Batches of a worker class that are in flight.', classes, ofClass, ([, { inFlight }]) => inFlight),
    gauge('worker_items_per_second', 'Items that got their verdict, over about half a minute.', classes, ofClass, ([, { itemsPerSecond }]) => itemsPerSecond),
    gauge('tenant_in_flight_batches', 'Batches of a tenant that are in flight.', queue.tenants, ofTenant, ({ inFlight }) => inFlight),
    gauge('tenant_waiting_batches', 'Opened batches of a tenant that wait.', queue.tenants, ofTenant, ({ waitingBatches }) => waitingBatches),
    gauge('tenant_share_ratio', 'Part of the work of all tenants, over about half a minute.', queue.tenants, ofTenant, ({ share }) => share),
    gauge('tenant_lag_seconds', 'Seconds of a worker that a tenant is ahead of its turn.', queue.tenants, ofTenant, ({ lagMs }) => lagMs / 1000),
    gauge('tenant_open_runs', 'Runs of a tenant that go on.', tenants, ofTenant, ({ openRuns }) => openRuns),
    gauge('tenant_queued_runs', 'Runs of a tenant that wait to be let in.', tenants, ofTenant, ({ queuedRuns }) => queuedRuns),
    gauge('tenant_waiting_items', 'Items that wait under the cap of a tenant.', tenants, ofTenant, ({ waiting }) => waiting?.items),
    gauge('tenant_credits', 'Credits of a tenant that are free.', tenants, ofTenant, ({ credits }) => credits?.balance),
    gauge('tenant_held_credits', 'Credits of a tenant that its runs hold.', tenants, ofTenant, ({ credits }) => credits?.held),
    gauge('limit_units_per_minute', 'What a limit in use allows.', lines, ofKey, ({ perMinute }) => perMinute),
    gauge('limit_used_units', 'Units of the last minute.', lines, ofKey, ({ used, perMinute }) => (perMinute === undefined ? undefined : used)),
    gauge('limit_rate_ratio', 'Part of its rate that a limit gives, below 1 after a throttle.', lines, ofKey, ({ share }) => share),
    gauge('limit_waiting_batches', 'Batches that wait for a limit.', lines, ofKey, ({ waiting }) => waiting),
    gauge('limit_breaker_open', '1 while nothing is sent because nothing was answered.', lines, ofKey, ({ breaker, perMinute }) => (perMinute === undefined ? undefined : Number(breaker === 'open'))),
  ];
}
