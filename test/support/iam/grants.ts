import { isRecord, listOf, recordOf, show, type JsonRecord } from '../../../localstack/embedded/template/json.ts';
import type { ResolvedResource } from '../../../localstack/embedded/template/resolve.ts';

/** One action on one resource, as one statement of a template says it. */
export interface Grant {
  /** Logical id of the policy that says it. */
  readonly policy: string;
  /** Logical id of the function or state machine, a service such as `events.amazonaws.com`, or `*`. */
  readonly principal: string;
  readonly effect: 'Allow' | 'Deny';
  /** With `*` and `?` as IAM reads them. */
  readonly action: string;
  readonly resource: string;
  /** Pattern of `aws:SourceArn`. */
  readonly source?: string;
  /** Speaks of calls without TLS alone. */
  readonly isForPlainHttp?: true;
}

/**
 * Every grant of a template, of roles and of resources. Permissions of people (operators, who deploy) are in no template.
 * @throws RangeError naming a policy's element that is not understood: none is skipped
 */
export function readGrants(resources: readonly ResolvedResource[]): Grant[] {
  return resources.flatMap((resource) => READERS[resource.type]?.(resource, resources) ?? []);
}

const READERS: Readonly<Record<string, (resource: ResolvedResource, all: readonly ResolvedResource[]) => Grant[]>> = {
  'AWS::IAM::Role': ({ logicalId, name, properties }, all) =>
    listOf(properties['Policies']).flatMap((policy) => readDocument(logicalId, recordOf(policy)['PolicyDocument'], [takerOf(name, all)])),
  'AWS::IAM::Policy': ({ logicalId, properties }, all) =>
    readDocument(logicalId, properties['PolicyDocument'], listOf(properties['Roles']).map((role) => takerOf(String(role), all))),
  'AWS::S3::BucketPolicy': ({ logicalId, properties }) => readDocument(logicalId, properties['PolicyDocument']),
  'AWS::SQS::QueuePolicy': ({ logicalId, properties }) => readDocument(logicalId, properties['PolicyDocument']),
  'AWS::Lambda::Permission': ({ logicalId, properties }, all) => [readPermission(logicalId, properties, all)],
  'AWS::ApiGateway::RestApi': ({ logicalId, properties }) => (properties['Policy'] === undefined ? [] : refuse(logicalId, 'Policy of a REST API')),
};

/** Who takes a role: the function or state machine that names it. */
function takerOf(role: string, resources: readonly ResolvedResource[]): string {
  const taker = resources.find(({ properties: { Role, RoleArn } }) => [Role, RoleArn].some((arn) => typeof arn === 'string' && arn.endsWith(`:role/${role}`)));
  return taker?.logicalId ?? refuse(role, 'role that no function and no state machine takes');
}

function readPermission(policy: string, properties: JsonRecord, resources: readonly ResolvedResource[]): Grant {
  const { Action, FunctionName, Principal, SourceArn, ...others } = properties;
  for (const key of Object.keys(others)) refuse(policy, key);
  if (typeof SourceArn !== 'string') refuse(policy, 'permission without a SourceArn');
  const target = resources.find(({ type, name, ref }) => type === 'AWS::Lambda::Function' && [name, ref].some((text) => text === FunctionName || String(FunctionName).endsWith(`:function:${text}`)));
  if (target === undefined) refuse(policy, `function ${show(FunctionName)}`);
  return { policy, principal: String(Principal), effect: 'Allow', action: String(Action), resource: String(FunctionName), source: SourceArn };
}

/** @param takers of the role; a resource's policy names its principals itself */
function readDocument(policy: string, document: unknown, takers?: readonly string[]): Grant[] {
  const { Version, Statement, ...others } = recordOf(document);
  for (const key of Object.keys(others)) refuse(policy, key);
  if (Version !== '2012-10-17') refuse(policy, `Version ${show(Version)}`);
  return [Statement].flat().filter(isRecord).flatMap((statement) => readStatement(policy, statement, takers));
}

function readStatement(policy: string, statement: JsonRecord, takers: readonly string[] | undefined): Grant[] {
  const { Sid: _, Effect, Action, Resource, Principal, Condition, ...others } = statement;
  for (const key of Object.keys(others)) refuse(policy, key);
  if (Effect !== 'Allow' && Effect !== 'Deny') return refuse(policy, `Effect ${show(Effect)}`);
  const condition = readCondition(policy, Condition);
  const principals = takers ?? readPrincipals(policy, Principal);
  const actions = textsOf(policy, Action);
  return textsOf(policy, Resource).flatMap((resource) => actions.flatMap((action) => principals.map((principal): Grant => ({ policy, principal, effect: Effect, action, resource, ...condition }))));
}

function readPrincipals(policy: string, value: unknown): string[] {
  if (value === '*') return ['*'];
  return Object.entries(recordOf(value)).flatMap(([kind, names]) => {
    const texts = textsOf(policy, names);
    if (kind === 'Service' || (kind === 'AWS' && texts.every((text) => text === '*'))) return texts;
    return refuse(policy, `Principal ${show(value)}`);
  });
}

function readCondition(policy: string, condition: unknown): Pick<Grant, 'source' | 'isForPlainHttp'> {
  const tests = Object.entries(recordOf(condition)).flatMap(([operator, keys]) => Object.entries(recordOf(keys)).map(([key, value]) => ({ operator, key, value })));
  if (tests.length === 0) return {};
  const [{ operator, key, value } = refuse(policy, 'Condition'), ...others] = tests;
  if (others.length === 0 && operator === 'Bool' && key === 'aws:SecureTransport' && value === 'false') return { isForPlainHttp: true };
  if (others.length === 0 && /^Arn(?:Equals|Like)$/.test(operator) && key === 'aws:SourceArn' && typeof value === 'string') return { source: value };
  return refuse(policy, `Condition ${show(condition)}`);
}

function textsOf(policy: string, value: unknown): string[] {
  const texts = [value].flat();
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string')) return refuse(policy, show(value));
  for (const text of texts) if (text.includes('${')) refuse(policy, `policy variable in ${text}`);
  return texts;
}

function refuse(policy: string, what: string): never {
  throw new RangeError(`${policy}: the evaluator of permissions does not understand: ${what}`);
}
