import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { describePreview, previewPlan } from '../../../../cli/commands/plan.ts';

const input = (text: string) => ({ name: 'list.txt', from: 'list.txt', open: () => Readable.from([Buffer.from(text)]) });

it('a preview counts what a run would have', async () => {
  const preview = await previewPlan(input('a\nb\na\n'), { processor: 'noop', option: [] });
  expect(preview).toMatchObject({ rows: 3, items: 3, duplicates: 1, invalid: 0, expanding: 0 });
});

it('a preview has the options as they are accepted: those of every run, and the defaults of the processor', async () => {
  const { options } = await previewPlan(input('https://example.com/\n'), { processor: 'llms-txt', option: ['retries=0', 'maxFailures=10', 'twins=false'] });
  expect(options).toEqual({ retries: 0, maxFailures: 10, twins: false, maxTokensPerFile: 200_000 });
});

it('a preview refuses an option that is out of its bounds', async () => {
  await expect(previewPlan(input('a\n'), { processor: 'noop', option: ['retries=11'] })).rejects.toThrow(/`retries`/);
});

it('a preview refuses what planning would refuse', async () => {
  await expect(previewPlan(input('a\0b\n'), { processor: 'noop', option: [] })).rejects.toThrow(/binary/);
});

it('the description shows the first reasons and the largest hosts, and how many more', () => {
  const preview = {
    from: 'x.csv', options: { retries: 0, twins: true }, rows: 30, items: 20, duplicates: 2, invalid: 9, expanding: 0,
    firstInvalid: [{ line: 4, row: 'x', reason: 'expected a URL' }],
    limitKeys: Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`host:h${i}.example`, 12 - i])),
  };
  const text = describePreview(preview).join('\n');
  expect(text).toContain('options     retries=0 twins=true\n');
  expect(text).toContain('line 4: expected a URL');
  expect(text).toContain('and 8 more');
  expect(text).toContain('12 h0.example');
  expect(text).toContain('and 2 more');
});
