import type { FaultList } from './faults.ts';
import { listOf, recordOf, show } from './json.ts';
import { functionOf } from './function-reference.ts';
import type { ResolvedResource } from './resolve.ts';
import type { ApiPlan, ApiRoute, FunctionPlan } from './stack-plan.ts';

const INVOCATION_URI = /:lambda:path\/2015-03-31\/functions\/(.+)\/invocations$/;

/** Reads the template's REST API; one at most, with one stage. */
export function planApi(resources: readonly ResolvedResource[], functions: readonly FunctionPlan[], faults: FaultList): ApiPlan | undefined {
  const all = (type: string): readonly ResolvedResource[] => resources.filter((resource) => resource.type === `AWS::ApiGateway::${type}`);
  const [api, ...otherApis] = all('RestApi');
  if (api === undefined) return undefined;
  const [stage, ...otherStages] = all('Stage');
  for (const { logicalId } of [...otherApis, ...otherStages]) faults.add(logicalId, 'expected one REST API with one stage: the embedded stack serves no more');
  if (stage === undefined) faults.add(api.logicalId, 'expected a stage for this API');
  const paths = pathsOf(api, all('Resource'));
  return {
    id: api.ref,
    stage: String(stage?.properties['StageName']),
    routes: all('Method').map((method) => readRoute(method, paths, functions, faults)),
    binaryMediaTypes: listOf(api.properties['BinaryMediaTypes']).map(String),
  };
}

/** Path by resource id. Resources come after their parents. */
function pathsOf(api: ResolvedResource, resources: readonly ResolvedResource[]): ReadonlyMap<string, string> {
  const paths = new Map([[`${api.logicalId}/`, '/']]);
  for (const { ref, properties } of resources) {
    const parent = paths.get(String(properties['ParentId'])) ?? '/';
    paths.set(ref, `${parent === '/' ? '' : parent}/${String(properties['PathPart'])}`);
  }
  return paths;
}

function readRoute(method: ResolvedResource, paths: ReadonlyMap<string, string>, functions: readonly FunctionPlan[], faults: FaultList): ApiRoute {
  const { logicalId, properties } = method;
  const uri = String(recordOf(properties['Integration'])['Uri']);
  const target = functionOf(INVOCATION_URI.exec(uri)?.[1], functions);
  if (target === undefined) faults.add(`${logicalId}.Properties.Integration.Uri`, `expected the invocation of a function of this template, got ${show(uri)}`);
  const path = paths.get(String(properties['ResourceId']));
  if (path === undefined) faults.add(`${logicalId}.Properties.ResourceId`, `expected a resource of this API, got ${show(properties['ResourceId'])}`);
  return { method: String(properties['HttpMethod']), path: path ?? '/', functionName: target?.name ?? '' };
}
