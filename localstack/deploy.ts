import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { STACK_NAME } from '../cdk/assemble.ts';
import { synthesise } from '../cdk/synthesise.ts';
import { ACCOUNT, REGION } from './embedded/contracts.ts';
import { LOCAL_PARAMETERS, localstackEndpoint, reachableApiUrl, writeDeployment, type Deployment } from './deployment.ts';

/**
 * Deploys the template to a running LocalStack, the same template and bundles as everywhere else.
 * Words after the command are the stack's parameters: `npm run localstack:deploy -- LogLevel=DEBUG`.
 */
const PROJECT = resolve(import.meta.dirname, '..');
const ASSEMBLY = join(PROJECT, 'cdk.out');
const HEALTH_TIMEOUT_MS = 5_000;

async function deploy(words: readonly string[]): Promise<Deployment> {
  const endpoint = localstackEndpoint(process.env);
  await expectLocalstack(endpoint);
  const parameters = { ...LOCAL_PARAMETERS, ...readParameters(words) };
  await synthesise(ASSEMBLY);
  const draft = mkdtempSync(join(tmpdir(), 'spillway-deploy-'));
  try {
    runCdkLocal(endpoint, ['bootstrap', `aws://${ACCOUNT}/${REGION}`]);
    const outputsFile = join(draft, 'outputs.json');
    const settings = Object.entries(parameters).flatMap(([name, value]) => ['--parameters', `${STACK_NAME}:${name}=${value}`]);
    runCdkLocal(endpoint, ['deploy', STACK_NAME, '--require-approval', 'never', '--outputs-file', outputsFile, ...settings]);
    const { [STACK_NAME]: outputs = {} } = JSON.parse(readFileSync(outputsFile, 'utf8')) as Record<string, Record<string, string>>;
    return { endpoint, outputs: { ...outputs, ApiUrl: reachableApiUrl(endpoint, outputs['ApiUrl'] ?? '') } };
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

async function expectLocalstack(endpoint: string): Promise<void> {
  const answer = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) }).catch(() => undefined);
  if (!answer?.ok) throw new Error(`expected LocalStack at ${endpoint}, but nothing healthy answers there: start it with \`npm run localstack:up\``);
}

function readParameters(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new Error(`expected parameters of the form Name=value, got \`${word}\``);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** The CDK's talk is for people who look for a fault: it is shown when there is one. */
function runCdkLocal(endpoint: string, words: readonly string[]): void {
  const command = join(PROJECT, 'node_modules/.bin/cdklocal');
  const run = spawnSync(command, [...words, '--app', ASSEMBLY, '--no-notices', '--ci', '--progress', 'events'], {
    cwd: PROJECT,
    env: cdkEnvironment(endpoint),
    encoding: 'utf8',
  });
  if (run.error) throw run.error;
  if (run.status !== 0) throw new Error(`\`cdklocal ${words[0]}\` failed:\n${run.stdout}${run.stderr}`);
}

/** Nothing of the person's own AWS settings goes along. */
function cdkEnvironment(endpoint: string): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_') && !name.startsWith('CDK_'));
  return {
    ...Object.fromEntries(others),
    AWS_ENDPOINT_URL: endpoint,
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
  };
}

try {
  const deployment = await deploy(process.argv.slice(2));
  const file = writeDeployment(PROJECT, deployment);
  console.log(`Deployed to ${deployment.endpoint}; outputs in ${relative(process.cwd(), file)}`);
  for (const [name, value] of Object.entries(deployment.outputs)) console.log(`  ${name.padEnd(18)} ${value}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
