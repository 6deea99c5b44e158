import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutate, type Mutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';

/**
 * Takes each rule out of a copy of the sources in turn, and runs the tests that must notice.
 *   node test/mutation/run.ts [--rule NAME]
 * Exit code 0: every rule was noticed. Takes some seconds a mutation; `test/unit/mutation-table.test.ts` keeps the table true in the meantime.
 */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What tests in `test/unit` and `test/property` read. */
const COPIED = ['bench', 'bin', 'cdk', 'cli', 'dashboard', 'docs', 'lambdas', 'localstack', 'processors', 'shared', 'state-machines', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts'];
/** A mutated program may loop. */
const TEST_TIMEOUT_MS = 60_000;

interface Outcome {
  /** Names of the tests that failed. */
  readonly failed: readonly string[];
  readonly passed: number;
  /** Files that could not even be loaded: a mutation that breaks the syntax proves nothing. */
  readonly broken: readonly string[];
  readonly seconds: number;
}

interface Report {
  readonly testResults: readonly { readonly name: string; readonly status: string; readonly assertionResults: readonly { readonly fullName: string; readonly title: string; readonly status: string }[] }[];
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { rule: { type: 'string' } } });
  const chosen = MUTATIONS.filter(({ rule }) => values.rule === undefined || rule === values.rule);
  if (chosen.length === 0) {
    console.error(`expected --rule to be one of ${[...new Set(MUTATIONS.map(({ rule }) => rule))].join(', ')}, got \`${values.rule}\``);
    return 2;
  }
  const folder = await mkdtemp(join(tmpdir(), 'spillway-mutation-'));
  try {
    await copySources(folder);
    return await checkAll(chosen, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function copySources(folder: string): Promise<void> {
  for (const name of COPIED) await cp(join(ROOT, name), join(folder, name), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

async function checkAll(chosen: readonly Mutation[], folder: string): Promise<number> {
  const whole = await runTests([...new Set(chosen.flatMap(({ noticedBy }) => noticedBy))], folder);
  if (whole.failed.length > 0 || whole.broken.length > 0 || whole.passed === 0) {
    console.error('expected the tests to pass before anything is taken out, these failed:', [...whole.failed, ...whole.broken]);
    return 1;
  }
  console.log(`nothing taken out: ${whole.passed} tests pass, ${whole.seconds} s\n`);
  let missed = 0;
  for (const mutation of chosen) missed += (await check(mutation, folder)) ? 0 : 1;
  console.log(`\n${chosen.length} mutations, ${missed} not noticed`);
  return missed === 0 ? 0 : 1;
}

/** @returns whether a test of the rule's name failed, with the rule taken out */
async function check(mutation: Mutation, folder: string): Promise<boolean> {
  const { rule, does, file, noticedBy } = mutation;
  const path = join(folder, file);
  const source = await readFile(path, 'utf8');
  await writeFile(path, mutate(source, mutation));
  const outcome = await runTests(noticedBy, folder);
  await writeFile(path, source);
  const own = outcome.failed.filter((title) => title.startsWith(`${rule}: `));
  const isNoticed = own.length > 0 && outcome.broken.length === 0;
  const others = outcome.failed.length - own.length;
  console.log(`${isNoticed ? 'noticed    ' : 'NOT NOTICED'}  ${rule} (${does}), ${outcome.seconds} s`);
  for (const title of own) console.log(`               by ${title}`);
  if (others > 0) console.log(`               and by ${others} more in ${noticedBy.map((name) => basename(name)).join(', ')}`);
  for (const name of outcome.broken) console.log(`               could not be loaded: ${name}`);
  return isNoticed;
}

async function runTests(files: readonly string[], folder: string): Promise<Outcome> {
  const report = join(folder, 'report.json');
  await rm(report, { force: true });
  const start = performance.now();
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const flags = ['--project', 'unit', '--project', 'property', '--reporter=json', `--outputFile=${report}`, `--testTimeout=${TEST_TIMEOUT_MS}`];
  const child = spawn(process.execPath, [vitest, 'run', ...flags, ...files], { cwd: folder, stdio: 'ignore' });
  await new Promise((resolve) => void child.once('close', resolve));
  const { testResults } = JSON.parse(await readFile(report, 'utf8')) as Report;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  return {
    failed: tests.filter(({ status }) => status === 'failed').map(({ title }) => title),
    passed: tests.filter(({ status }) => status === 'passed').length,
    broken: testResults.filter(({ assertionResults }) => assertionResults.length === 0).map(({ name }) => name),
    seconds: Math.round((performance.now() - start) / 100) / 10,
  };
}

process.exitCode = await main();
