import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceCall } from '../../localstack/embedded/contracts.ts';
import { CallRecorder } from '../support/iam/call-recorder.ts';
import { describeCall, describeGrant, findDenied, findUnused, findWide } from '../support/iam/evaluate.ts';
import { type Grant, readGrants } from '../support/iam/grants.ts';
import { impliedCalls } from '../support/iam/implied-calls.ts';
import { readResources } from '../support/iam/read-template.ts';
import { driveFlows } from '../support/iam/flows.ts';
import { readTargetName } from '../support/targets/target.ts';

describe.skipIf(readTargetName(process.env) !== 'embedded')('permissions (skipped on LocalStack, where every function has the same key)', () => {
  let grants: readonly Grant[];
  let calls: readonly ServiceCall[];
  let stop = async (): Promise<void> => {};

  beforeAll(async () => {
    const { startEmbedded } = await import('../support/targets/embedded.ts');
    const target = await startEmbedded({ sweepEverySeconds: 2 });
    stop = () => target.stop();
    const recorder = new CallRecorder(target.outputs['StateMachineArn']!);
    target.embedded.onCall(recorder.record);
    const began = Date.now();
    await driveFlows(target).catch((e: unknown) => console.log(String(e), target.embedded.readLog('SweepRuns').slice(-6)));
    console.log('flows', (Date.now() - began) / 1000, recorder.seen);
    await stop();
    const resources = await readResources(resolve(import.meta.dirname, '../../cdk.out'));
    grants = readGrants(resources);
    calls = [...recorder.calls(), ...impliedCalls(resources)];
  });
  afterAll(() => stop());

  it('every call is allowed to the principal that makes it', () => {
    expect(findDenied(calls, grants).map(describeCall)).toEqual([]);
  });
  it('every grant is used', () => {
    console.log(grants.length, calls.length);
    console.log(findUnused(calls, grants).map(describeGrant).join('\n'));
  });
});
