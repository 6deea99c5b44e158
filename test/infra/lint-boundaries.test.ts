import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const FIXTURES = join(ROOT, 'test/fixtures/boundaries');
const MARK = /\/\/ bites: (?<rule>[\w/-]+)$/;

interface Finding {
  readonly filename: string;
  readonly code: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

let folder: string;
let found: ReadonlySet<string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-lint-'));
  cpSync(FIXTURES, folder, { recursive: true });
  for (const name of ['.oxlintrc.json', 'tsconfig.json']) cpSync(join(ROOT, name), join(folder, name));
  // The type-aware rules look for @types/node.
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  found = lint(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const fixtures = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));

test.each(fixtures)('in %s every marked line is refused by the rule it names, and no other line is', (path) => {
  const refused = [...found].filter((finding) => finding.startsWith(`${path}:`));
  expect(refused.toSorted()).toEqual(marksOf(path).toSorted());
});

test('every boundary of the design has a fixture that breaks it', () => {
  const guarded = fixtures.filter((path) => marksOf(path).some((mark) => mark.endsWith(' no-restricted-imports')));
  const places = ['cdk/', 'cli/', 'lambdas/plan-run/handler.ts', 'lambdas/plan-run/plan-run.ts', 'localstack/embedded/', 'processors/', 'shared/aws/', 'shared/http/', 'shared/manifest/', 'shared/rule.ts'];
  expect(places.filter((place) => !guarded.some((path) => path.startsWith(place)))).toEqual([]);
});

/** `path:line rule` of every finding. */
function lint(directory: string): ReadonlySet<string> {
  const run = spawnSync(join(ROOT, 'node_modules/.bin/oxlint'), ['--type-aware', '-f', 'json'], { cwd: directory, encoding: 'utf8' });
  const report = JSON.parse(run.stdout) as { readonly diagnostics: readonly Finding[] };
  return new Set(report.diagnostics.map(({ filename, code, labels }) => `${filename}:${labels[0]?.span.line} ${ruleOf(code)}`));
}

/** `eslint(eqeqeq)` is named without its plugin in the configuration, `typescript(no-explicit-any)` with it. */
const ruleOf = (code: string): string => code.replace(/^eslint\((.*)\)$/, '$1').replace(/^([\w-]+)\((.*)\)$/, '$1/$2');

function marksOf(path: string): string[] {
  const lines = readFileSync(join(FIXTURES, path), 'utf8').split('\n');
  return lines.flatMap((line, index) => {
    const rule = MARK.exec(line)?.groups?.['rule'];
    return rule === undefined ? [] : [`${path}:${index + 1} ${rule}`];
  });
}
