import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { previewPlan } from '../../../cli/commands/plan.ts';
import { resolveInputs } from '../../../cli/manifest-input.ts';

const FOLDER = resolve(import.meta.dirname, '../../../examples/blog');

it('the example of posts has eleven items in three groups and one row that says what is wrong with it', async () => {
  const [input] = await resolveInputs(`${FOLDER}/posts.csv`);
  const files = ['template=@template.txt', 'variables=@variables.json', 'schema=@schema.json'].map((pair) => pair.replace('@', `@${FOLDER}/`));
  const preview = await previewPlan(input!, { processor: 'generate', option: ['api=local', 'model=stand-in', 'groupBy=site', ...files] });
  expect(preview).toMatchObject({ rows: 12, items: 11, invalid: 1, limitKeys: { 'api:local:stand-in:requests': 11 } });
  expect(preview.firstInvalid).toMatchObject([{ line: 13, reason: expect.stringContaining('/words: must be integer') }]);
});

it("the example's README gives exactly the options that its files are", () => {
  const readme = readFileSync(`${FOLDER}/README.md`, 'utf8');
  for (const option of ['template=@examples/blog/template.txt', 'variables=@examples/blog/variables.json', 'schema=@examples/blog/schema.json']) expect(readme).toContain(option);
});
