import type { ServiceCall } from '../../../localstack/embedded/contracts.ts';
import type { Grant } from './grants.ts';

/** IAM: an explicit denial wins, then one permission of the role or of the resource is enough within an account. */
export function isAllowed(call: ServiceCall, grants: readonly Grant[]): boolean {
  const matching = grants.filter((grant) => matches(grant, call));
  return matching.length > 0 && matching.every(({ effect }) => effect === 'Allow');
}

export const findDenied = (calls: readonly ServiceCall[], grants: readonly Grant[]): ServiceCall[] => calls.filter((call) => !isAllowed(call, grants));

/** What is granted in vain. */
export const findUnused = (calls: readonly ServiceCall[], grants: readonly Grant[]): Grant[] =>
  grants.filter((grant) => grant.effect === 'Allow' && !calls.some((call) => matches(grant, call)));

/** Every grant that says more than one action, resource or source. */
export const findWide = (grants: readonly Grant[]): Grant[] =>
  grants.filter(({ effect, principal, action, resource, source = '' }) => effect === 'Allow' && [principal, action, resource, source].some((text) => /[*?]/.test(text)));

export const describeGrant = ({ principal, action, resource, source }: Grant): string => `${principal} ${action} ${resource}${source === undefined ? '' : ` for ${source}`}`;

export const describeCall = ({ principal, action, resource, source }: ServiceCall): string => `${principal} ${action} ${resource}${source === undefined ? '' : ` for ${source}`}`;

function matches(grant: Grant, call: ServiceCall): boolean {
  // The SDK and AWS's own services call over TLS; on loopback there is none to see.
  if (grant.isForPlainHttp) return false;
  return (
    (grant.principal === '*' || grant.principal === call.principal) &&
    patternOf(grant.action.toLowerCase()).test(call.action.toLowerCase()) &&
    patternOf(grant.resource).test(call.resource) &&
    (grant.source === undefined || (call.source !== undefined && patternOf(grant.source).test(call.source)))
  );
}

const patterns = new Map<string, RegExp>();

/** IAM: `*` is any number of characters, also none and also colons and slashes; `?` is one. */
function patternOf(text: string): RegExp {
  const known = patterns.get(text);
  if (known !== undefined) return known;
  const pattern = new RegExp(`^${text.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
  patterns.set(text, pattern);
  return pattern;
}
