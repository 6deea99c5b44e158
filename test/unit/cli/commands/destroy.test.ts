import { describe, expect, it } from 'vitest';
import { destroyCommand, type DestroyOptions } from '../../../../cli/commands/destroy.ts';
import type { DeployedStack, StackRemoval } from '../../../../shared/deployment.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';

const STACK: DeployedStack = {
  id: 'arn:aws:cloudformation:eu-central-1:123456789012:stack/Spillway/1',
  isDeleted: false,
  outputs: {},
  kept: [
    { logicalId: 'Progress', type: 'AWS::DynamoDB::Table', name: 'progress-1' },
    { logicalId: 'Manifests', type: 'AWS::S3::Bucket', name: 'manifests-1' },
    { logicalId: 'ApiLogRole', type: 'AWS::IAM::Role', name: 'role-1' },
  ],
};

interface Scene {
  readonly stack?: DeployedStack | undefined;
  readonly openRuns?: readonly string[];
  readonly typed?: string | undefined;
}

async function destroy(options: Partial<DestroyOptions>, scene: Scene = {}) {
  const { stack, openRuns, typed } = { stack: STACK, openRuns: [], typed: 'Spillway', ...scene };
  const terminal = createFakeTerminal();
  const steps: string[] = [];
  const note = (step: string) => async () => void steps.push(step);
  const removal: StackRemoval = {
    find: async () => stack,
    openRuns: async () => openRuns,
    deleteStack: note('stack'),
    deleteBucket: async (bucket, onProgress) => {
      steps.push(bucket);
      onProgress(1_000);
    },
    deleteTable: async (table) => void steps.push(table),
  };
  const ask = async () => {
    steps.push('ask');
    return typed;
  };
  const code = await destroyCommand({ stack: 'Spillway', ...options }, { removal, ask, terminal }).catch((error: Error) => error.message);
  return { code, steps, notes: terminal.noted.join('\n'), out: terminal.printed.join('\n') };
}

describe('destroy', () => {
  it('asks, then deletes the stack, and keeps and names its data', async () => {
    const { code, steps, out } = await destroy({});
    expect({ code, steps }).toEqual({ code: 0, steps: ['ask', 'stack'] });
    for (const name of ['progress-1', 'manifests-1', 'role-1']) expect(out).toContain(`${name} (`);
    expect(out).toContain('spillway destroy --stack Spillway --with-data');
  });

  it('with data deletes the stack first, so that nobody writes any more, then its data, and leaves the role of the account', async () => {
    const { steps, out, notes } = await destroy({ withData: true });
    expect(steps).toEqual(['ask', 'stack', 'progress-1', 'manifests-1']);
    expect(out).toContain('still there: ApiLogRole role-1');
    expect(notes).toContain('1,000 versions of manifests-1 are gone');
  });

  it('says before asking what goes, what stays, and which runs have no end', async () => {
    const { notes } = await destroy({ withData: true }, { typed: undefined, openRuns: ['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7'] });
    expect(notes).toContain('7 runs have not ended and will not: r1, r2, r3, r4, r5 and 2 more');
    expect(notes).toContain('goes, with all that is in it: Manifests manifests-1');
    expect(notes).toContain('stays: ApiLogRole role-1');
  });

  it.each([
    ['another name', 'spillway', /expected Spillway, got spillway: nothing was deleted/],
    ['nothing', '', /got nothing/],
    ['nothing, because nobody is there', undefined, /expected --yes where nobody can be asked/],
  ])('deletes nothing when the answer is %s', async (_, typed, message) => {
    const { code, steps } = await destroy({ withData: true }, { typed });
    expect(code).toMatch(message);
    expect(steps).toEqual(['ask']);
  });

  it('with --yes does not ask', async () => {
    expect((await destroy({ yes: true })).steps).toEqual(['stack']);
  });

  it('goes on with the data of a stack that is gone', async () => {
    const gone = { ...STACK, isDeleted: true };
    expect((await destroy({ withData: true, yes: true }, { stack: gone })).steps).toEqual(['progress-1', 'manifests-1']);
    expect((await destroy({ yes: true }, { stack: gone })).code).toMatch(/it was deleted before, and --with-data deletes what it kept/);
  });

  it('refuses a stack that never was', async () => {
    expect(await destroy({ yes: true }, { stack: undefined })).toMatchObject({ code: 'expected --stack to be a deployed stack, got Spillway', steps: [] });
  });
});
