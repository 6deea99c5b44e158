import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { OPERATIONS } from '../../../lambdas/serve-api/operations.ts';

const text = readFileSync(resolve(import.meta.dirname, '../../../docs/api.md'), 'utf8');

it('docs/api.md lists every route once, with its scope', () => {
  const listed = [...text.matchAll(/^\| `(\w+) (\/\S*)` \| (\w*) ?\|/gm)].map(([, method, path, scope]) => `${method} ${path} ${scope}`);
  expect(listed.toSorted()).toEqual(OPERATIONS.map(({ method, path, scope }) => `${method} ${path.replace('+}', '}')} ${scope ?? ''}`).toSorted());
});
