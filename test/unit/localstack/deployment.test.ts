import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localstackEndpoint, reachableApiUrl, readDeployment, writeDeployment } from '../../../localstack/deployment.ts';
import { readTargetName } from '../../support/targets/target.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spillway-deployment-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('what was deployed to one port is not taken for a deployment to another', () => {
  const deployment = { endpoint: 'http://127.0.0.1:4566', outputs: { ResultsBucket: 'results-1' } };
  writeDeployment(folder, deployment);
  expect(readDeployment(folder, 'http://127.0.0.1:4566')).toEqual(deployment);
  expect(readDeployment(folder, 'http://127.0.0.1:4599')).toBeUndefined();
});

test('a new deployment replaces the old one', () => {
  const endpoint = 'http://127.0.0.1:4566';
  writeDeployment(folder, { endpoint, outputs: { ResultsBucket: 'results-1', Gone: 'x' } });
  writeDeployment(folder, { endpoint, outputs: { ResultsBucket: 'results-2' } });
  expect(readDeployment(folder, endpoint)?.outputs).toEqual({ ResultsBucket: 'results-2' });
});

test.each([
  [{}, 'http://127.0.0.1:4566'],
  [{ LOCALSTACK_PORT: '4599' }, 'http://127.0.0.1:4599'],
])('with %o LocalStack is looked for at %s', (environment, endpoint) => {
  expect(localstackEndpoint(environment)).toBe(endpoint);
});

test.each([
  ['https://abc123.execute-api.127.0.0.1:4566/prod/', 'http://127.0.0.1:4566/_aws/execute-api/abc123/prod/'],
  ['https://abc123.execute-api.localhost.localstack.cloud:4566/prod/v1', 'http://127.0.0.1:4566/_aws/execute-api/abc123/prod/v1'],
  ['http://127.0.0.1:4566/_aws/execute-api/abc123/prod/', 'http://127.0.0.1:4566/_aws/execute-api/abc123/prod/'],
])('the API at %s is reached at %s', (url, reachable) => {
  expect(reachableApiUrl('http://127.0.0.1:4566', url)).toBe(reachable);
});

test('the target is embedded unless TARGET says otherwise, and an unknown one is refused by name', () => {
  expect(readTargetName({})).toBe('embedded');
  expect(readTargetName({ TARGET: 'localstack' })).toBe('localstack');
  expect(() => readTargetName({ TARGET: 'aws' })).toThrow('expected TARGET to be embedded or localstack, got `aws`');
});
