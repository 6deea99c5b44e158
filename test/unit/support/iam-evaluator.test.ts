import { describe, expect, test } from 'vitest';
import type { ResolvedResource } from '../../../localstack/embedded/template/resolve.ts';
import { CallRecorder } from '../../support/iam/call-recorder.ts';
import { findDenied, findUnused, findWide, isAllowed } from '../../support/iam/evaluate.ts';
import { type Grant, readGrants } from '../../support/iam/grants.ts';

const resource = (type: string, logicalId: string, properties: Record<string, unknown>): ResolvedResource => ({ logicalId, type, name: logicalId, ref: logicalId, properties });
const TAKER = resource('AWS::Lambda::Function', 'Reader', { Role: 'arn:aws:iam::000000000000:role/ReaderRole' });
const policy = (statement: Record<string, unknown>) =>
  readGrants([TAKER, resource('AWS::IAM::Policy', 'ReaderPolicy', { Roles: ['ReaderRole'], PolicyDocument: { Version: '2012-10-17', Statement: [statement] } })]);

const grant = (of: Partial<Grant>): Grant => ({ policy: 'P', principal: 'Reader', effect: 'Allow', action: 's3:GetObject', resource: 'arn:aws:s3:::data/*', ...of });
const call = { principal: 'Reader', action: 's3:GetObject', resource: 'arn:aws:s3:::data/a/b.txt' };

describe('statements', () => {
  test('become one grant for each action on each resource, of whoever takes the role', () => {
    const grants = policy({ Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: ['a', 'b'] });
    expect(grants.map(({ principal, action, resource: on }) => `${principal} ${action} ${on}`)).toEqual(['Reader s3:GetObject a', 'Reader s3:PutObject a', 'Reader s3:GetObject b', 'Reader s3:PutObject b']);
  });

  test.each([
    ['NotAction', { Effect: 'Allow', NotAction: 's3:GetObject', Resource: 'a' }],
    ['NotResource', { Effect: 'Allow', Action: 's3:GetObject', NotResource: 'a' }],
    ['Condition', { Effect: 'Allow', Action: 's3:GetObject', Resource: 'a', Condition: { StringLike: { 's3:prefix': 'x' } } }],
    ['policy variable', { Effect: 'Allow', Action: 's3:GetObject', Resource: 'a/${aws:username}' }],
    ['Effect', { Effect: 'allow', Action: 's3:GetObject', Resource: 'a' }],
  ])('are refused when they have what is not understood: %s', (name, statement) => {
    expect(() => policy(statement)).toThrow(name);
  });

  test('of a role that nobody takes are refused', () => {
    expect(() => readGrants([resource('AWS::IAM::Policy', 'P', { Roles: ['Nobody'], PolicyDocument: { Version: '2012-10-17', Statement: [] } })])).toThrow('no function and no state machine takes');
  });
});

describe('a call', () => {
  test.each<[string, Grant[], boolean]>([
    ['by a pattern that crosses slashes', [grant({})], true],
    ['by no grant', [], false],
    ["not by another principal's", [grant({ principal: 'Writer' })], false],
    ['not by a pattern of a part', [grant({ resource: 'arn:aws:s3:::data/a' })], false],
    ['not by a dot that stands for any character', [grant({ resource: 'arn:aws:s3:::data/a/b?.txt' })], false],
    ['by an action in any case', [grant({ action: 'S3:get*' })], true],
    ['not where it is denied as well', [grant({}), grant({ effect: 'Deny', principal: '*', action: 's3:*' })], false],
    ['also where calls without TLS are denied', [grant({}), grant({ effect: 'Deny', principal: '*', action: 's3:*', isForPlainHttp: true })], true],
    ['not for another source', [grant({ source: 'arn:aws:events:*:rule/other' })], false],
  ])('is allowed %s', (_, grants, isSo) => {
    expect(isAllowed(call, grants)).toBe(isSo);
  });

  test('that nobody allows is found, and a grant that nobody asks for, and a wildcard', () => {
    const other = grant({ action: 's3:PutObject', resource: 'arn:aws:s3:::data/a' });
    expect(findDenied([call], [other])).toEqual([call]);
    expect(findUnused([call], [grant({}), other])).toEqual([other]);
    expect(findWide([grant({}), other])).toEqual([grant({})]);
  });
});

describe('the recorder', () => {
  test('refuses an action that it does not know, and a resource of another kind', () => {
    for (const odd of [{ ...call, action: 's3:GetObjects' }, { ...call, resource: 'arn:aws:s3:::data' }]) {
      const recorder = new CallRecorder('arn:aws:states:us-east-1:000000000000:stateMachine:Run');
      recorder.record(odd);
      expect(() => recorder.calls()).toThrow('expected calls of known actions');
    }
  });

  test("leaves out the operator's calls and names the machine of a token that is over", () => {
    const machine = 'arn:aws:states:us-east-1:000000000000:stateMachine:Run';
    const recorder = new CallRecorder(machine);
    recorder.record({ ...call, principal: 'operator' });
    recorder.record({ principal: 'Reader', action: 'states:SendTaskSuccess', resource: '*' });
    expect(recorder.calls()).toEqual([{ principal: 'Reader', action: 'states:SendTaskSuccess', resource: machine }]);
  });
});
