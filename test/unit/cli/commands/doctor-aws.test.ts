import { describe, expect, it } from 'vitest';
import { doctorAwsCommand } from '../../../../cli/commands/doctor-aws.ts';
import type { AwsAccount } from '../../../../shared/deployment.ts';
import type { Stage } from '../../../../shared/stages.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';

const WELL: AwsAccount = {
  region: async () => 'eu-central-1',
  identity: async () => ({ account: '123456789012', arn: 'arn:aws:iam::123456789012:user/ada' }),
  bootstrapVersion: async () => 21,
  concurrency: async () => 1_000,
  stackStatus: async () => undefined,
};

const failing = (name: string, message = 'no') => () => Promise.reject(Object.assign(new Error(message), { name }));

async function look(differences: Partial<AwsAccount> = {}, stage: Stage = {}) {
  const terminal = createFakeTerminal();
  const code = await doctorAwsCommand({ stack: 'Spillway', stage }, { ...WELL, ...differences }, terminal);
  return { code, text: terminal.printed.join('\n') };
}

it('an account in which all is well', async () => {
  const { code, text } = await look();
  expect(code).toBe(0);
  expect(text.match(/^ok {3}/gm)).toHaveLength(5);
});

describe('each fault has its remedy', () => {
  it.each<[string, Partial<AwsAccount>, RegExp]>([
    ['no Region', { region: async () => undefined }, /BAD {2}Region .*none is set\n.*export AWS_REGION/],
    ['no credentials', { identity: failing('CredentialsProviderError') }, /BAD {2}identity .*\n.*aws configure/],
    ['credentials of yesterday', { identity: failing('ExpiredTokenException') }, /BAD {2}identity .*\n.*aws sso login/],
    ['a Region that is not enabled', { identity: failing('InvalidClientTokenId') }, /BAD {2}identity .*\n.*not enabled for the account/],
    ['no way to AWS', { identity: failing('Error', 'getaddrinfo ENOTFOUND sts.eu-nowhere-1.amazonaws.com') }, /BAD {2}identity .*\n.*name of the Region/],
    ['another error of STS', { identity: failing('AccessDenied') }, /BAD {2}identity .*\n.*aws sts get-caller-identity/],
    ['no bootstrap', { bootstrapVersion: async () => undefined }, /BAD {2}bootstrap .*\n.*npx cdk bootstrap aws:\/\/123456789012\/eu-central-1/],
    ['an old bootstrap', { bootstrapVersion: async () => 5 }, /BAD {2}bootstrap .*version 5\n.*npx cdk bootstrap/],
    ['the concurrency of a new account', { concurrency: async () => 10 }, /BAD {2}concurrency .*10 executions at once, the stack takes up to 56\n.*"concurrency": 10 .*L-B99A9384/],
    ['a permission that is missing', { concurrency: failing('AccessDeniedException') }, /BAD {2}concurrency .*\n.*lambda:GetAccountSettings/],
    ['an update that could not be rolled back', { stackStatus: async () => 'UPDATE_ROLLBACK_FAILED' }, /BAD {2}stack .*\n.*continue-update-rollback --stack-name Spillway/],
    ['a first deployment that failed', { stackStatus: async () => 'ROLLBACK_COMPLETE' }, /BAD {2}stack .*\n.*spillway destroy --stack Spillway/],
    ['a deployment that goes on', { stackStatus: async () => 'UPDATE_IN_PROGRESS' }, /BAD {2}stack .*\n.*wait for its end/],
  ])('%s', async (_, differences, remedy) => {
    const { code, text } = await look(differences);
    expect(code).toBe(2);
    expect(text).toMatch(remedy);
  });

  it('with fewer executions than a stage may have, only more of them help', async () => {
    expect((await look({ concurrency: async () => 5 })).text).not.toContain('"concurrency"');
  });
});

describe('a stage', () => {
  it('that says its concurrency fits a new account', async () => {
    expect((await look({ concurrency: async () => 10 }, { concurrency: 10 })).code).toBe(0);
  });

  it('is not deployed into another account or Region', async () => {
    expect((await look({}, { account: '999999999999' })).text).toMatch(/BAD {2}identity .*the account 999999999999\n.*--aws-profile/);
    expect((await look({}, { region: 'us-east-1' })).text).toMatch(/BAD {2}Region .*for us-east-1\n.*--region us-east-1/);
  });
});

it.each(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'])('a stack that is %s may be updated', async (status) => {
  expect((await look({ stackStatus: async () => status })).code).toBe(0);
});
