import { expect, it } from 'vitest';
import { formatMetrics } from '../../../lambdas/serve-api/prometheus-text.ts';

it('is the text format of Prometheus: help, type, and a line a sample', () => {
  const samples = [{ labels: { key: 'host:a.example', unit: 'requests' }, value: 1.5 }, { labels: {}, value: 0 }];
  expect(formatMetrics([{ name: 'spillway_used_units', help: 'Units of\nthe last minute.', samples }])).toBe(
    ['# HELP spillway_used_units Units of\\nthe last minute.', '# TYPE spillway_used_units gauge', 'spillway_used_units{key="host:a.example",unit="requests"} 1.5', 'spillway_used_units 0', ''].join('\n'),
  );
});

it('quotes what would end a label', () => {
  expect(formatMetrics([{ name: 'a', help: 'A.', samples: [{ labels: { key: 'group:"x"\\\n' }, value: 1 }] }])).toContain(String.raw`a{key="group:\"x\"\\\n"} 1`);
});

it('leaves out what nothing was measured of', () => {
  expect(formatMetrics([{ name: 'a', help: 'A.', samples: [] }])).toBe('');
});
