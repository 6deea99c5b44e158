import { z } from 'zod';
import { operation } from '../operation.ts';
import { formatMetrics } from '../prometheus-text.ts';
import { measure } from '../measure-stack.ts';

const workerClass = z.object({
  name: z.string(),
  window: z.int().meta({ description: 'Batches that may be in flight' }),
  inFlight: z.int(),
  itemsPerSecond: z.number().meta({ description: 'Over about half a minute' }),
});

export const showWorkers = operation({
  id: 'showWorkers',
  method: 'GET',
  path: '/v1/workers',
  summary: 'Every class of workers: its window, what is in flight, and its rate.',
  scope: 'operator',
  answers: { 200: { says: 'A moment of it', schema: z.object({ classes: z.array(workerClass) }) } },
  async handle(_request, { describeQueue }) {
    const { classes } = await describeQueue();
    return { status: 200, body: { classes: Object.entries(classes).map(([name, known]) => ({ name, ...known })) } };
  },
});

export const showMetrics = operation({
  id: 'showMetrics',
  method: 'GET',
  path: '/metrics',
  summary: 'Workers, tenants and limits for Prometheus.',
  scope: 'operator',
  answers: { 200: { says: 'The text format of Prometheus', schema: z.string(), contentType: 'text/plain' } },
  handle: async (_request, ports) => ({ status: 200, body: formatMetrics(await measure(ports)), headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } }),
});
