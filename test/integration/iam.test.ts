import { resolve } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ServiceCall } from '../../localstack/embedded/contracts.ts';
import type { ResolvedResource } from '../../localstack/embedded/template/resolve.ts';
import { CallRecorder } from '../support/iam/call-recorder.ts';
import { describeCall, describeGrant, findDenied, findUnused, findWide } from '../support/iam/evaluate.ts';
import { findIdle, isExcused, isExplained, MANAGED, REDUNDANT, UNSEEN, WIDE } from '../support/iam/exceptions.ts';
import { driveFlows } from '../support/iam/flows.ts';
import { type Grant, readGrants } from '../support/iam/grants.ts';
import { impliedCalls } from '../support/iam/implied-calls.ts';
import { readResources } from '../support/iam/read-template.ts';
import { readTargetName } from '../support/targets/target.ts';

const inVain = (calls: readonly ServiceCall[], grants: readonly Grant[]): Grant[] => findUnused(calls, grants).filter((grant) => !isExcused(grant, UNSEEN));
const unexplained = (grants: readonly Grant[]): Grant[] => findWide(grants).filter((grant) => !isExplained(grant, WIDE));

describe.skipIf(readTargetName(process.env) !== 'embedded')('permissions (skipped on LocalStack, where every function has the same key)', () => {
  let resources: readonly ResolvedResource[];
  let grants: readonly Grant[];
  let allowed: readonly Grant[];
  let calls: readonly ServiceCall[];

  beforeAll(async () => {
    const { startEmbedded } = await import('../support/targets/embedded.ts');
    const target = await startEmbedded({ sweepEverySeconds: 2 });
    const recorder = new CallRecorder(target.outputs['StateMachineArn']!);
    const began = performance.now();
    try {
      target.embedded.onCall(recorder.record);
      await driveFlows(target);
    } finally {
      await target.stop();
    }
    resources = await readResources(resolve(import.meta.dirname, '../../cdk.out'));
    grants = readGrants(resources);
    allowed = grants.filter(({ effect }) => effect === 'Allow');
    calls = [...recorder.calls(), ...impliedCalls(resources)];
    console.log(`${allowed.length} grants, ${recorder.seen} calls, ${calls.length} of them different, ${Math.round((performance.now() - began) / 1000)} s`);
  });

  it('allow every call to the principal that makes it', () => {
    expect(findDenied(calls, grants).map(describeCall)).toEqual([]);
  });

  it('hold no action on a resource that nothing asks for', () => {
    expect(inVain(calls, grants).map(describeGrant)).toEqual([]);
    // An entry that is asked for after all has no place in the table.
    expect(allowed.filter((grant) => isExcused(grant, UNSEEN) && !findUnused(calls, [grant]).length).map(describeGrant)).toEqual([]);
  });

  it('have no wildcard that the table does not explain, and the tables explain nothing that is not there', () => {
    expect(unexplained(grants).map(describeGrant)).toEqual([]);
    expect([WIDE, UNSEEN, REDUNDANT].flatMap((table) => findIdle(table, allowed))).toEqual([]);
  });

  it('deny nothing but calls without TLS', () => {
    expect(grants.filter(({ effect, isForPlainHttp }) => (effect === 'Deny') !== (isForPlainHttp === true)).map(describeGrant)).toEqual([]);
  });

  it("lie in the template, but for AWS's own policies that are written down", () => {
    const managed = resources.filter(({ type, properties }) => type === 'AWS::IAM::Role' && properties['ManagedPolicyArns'] !== undefined);
    expect(Object.fromEntries(managed.map(({ logicalId, properties }) => [logicalId, properties['ManagedPolicyArns']]))).toEqual(MANAGED);
  });

  describe('are proven, because the same calls find', () => {
    /** A service's or a function's own calls are all that a grant of it can change. */
    const ownOf = ({ principal }: Grant): ServiceCall[] => calls.filter((call) => call.principal === principal);

    it('each grant that is taken away', () => {
      const unnoticed = allowed.filter((grant) => {
        const denied = findDenied(ownOf(grant), grants.filter((each) => each !== grant));
        return !denied.some(({ action }) => action === grant.action) && !isExcused(grant, [...UNSEEN, ...REDUNDANT]);
      });
      expect(unnoticed.map(describeGrant)).toEqual([]);
    });

    it('each action that is added', () => {
      const tables = allowed.filter(({ resource }) => resource.includes(':table/'));
      const added = tables.map((grant): Grant => ({ ...grant, action: 'dynamodb:BatchWriteItem' }));
      expect(added.length).toBeGreaterThan(0);
      for (const grant of added) expect(inVain(calls, [...grants, grant])).toEqual([grant]);
    });

    it('each resource that is added, of the same kind', () => {
      const kindOf = (text: string): string => text.replace(/[^:/]*$/, '');
      const known = [...new Set(allowed.map(({ resource }) => resource))];
      const added = allowed.flatMap((grant) =>
        known
          .filter((resource) => kindOf(resource) === kindOf(grant.resource) && !/[*?]/.test(resource) && findUnused(ownOf(grant), [{ ...grant, resource }]).length === 1)
          .map((resource): Grant => ({ ...grant, resource })),
      );
      expect(added.length).toBeGreaterThan(allowed.length);
      for (const grant of added) expect(inVain(ownOf(grant), [grant])).toEqual([grant]);
    });

    it('each resource and action that is widened', () => {
      const widened = allowed.flatMap((grant): Grant[] => [
        ...(grant.resource === '*' ? [] : [{ ...grant, resource: '*' }, { ...grant, resource: `${grant.resource.slice(0, grant.resource.lastIndexOf(':'))}:*` }]),
        { ...grant, action: `${grant.action.split(':')[0]}:*` },
      ]);
      const unnoticed = widened.filter((grant) => unexplained([grant]).length === 0 && !allowed.some(({ principal, resource }) => principal === grant.principal && resource === grant.resource));
      expect(unnoticed.map(describeGrant)).toEqual([]);
    });

    it("the state machine's right to one file, made a right to all", () => {
      const [grant] = allowed.filter(({ principal, action }) => principal === 'Run' && action === 's3:GetObject');
      expect(unexplained([{ ...grant!, resource: grant!.resource.replace('/*/shards.json', '/*') }])).toHaveLength(1);
    });
  });
});
