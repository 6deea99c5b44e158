import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expect, it } from 'vitest';

const PROJECT = resolve(import.meta.dirname, '../../..');
const PAGES = globSync(['*.md', '{bench,localstack,state-machines}/README.md', 'docs/**/*.md', 'examples/*/README.md'], { cwd: PROJECT });

it.each(PAGES)('every link of %s leads to a file', (page) => {
  const links = [...readFileSync(resolve(PROJECT, page), 'utf8').matchAll(/\]\(([^)#\s]+)/g)].map(([, link]) => link!).filter((link) => !/^\w+:/.test(link));
  expect(links.filter((link) => !existsSync(resolve(PROJECT, dirname(page), link)))).toEqual([]);
});
