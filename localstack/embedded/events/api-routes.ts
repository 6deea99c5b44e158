import type { ApiRoute } from '../template/stack-plan.ts';

export interface RouteMatch {
  readonly route: ApiRoute;
  readonly pathParameters: Readonly<Record<string, string>> | null;
}

/** API Gateway: fixed segments win over `{name}`, which wins over `{proxy+}`; a method of its own wins over ANY. */
export function matchRoute(routes: readonly ApiRoute[], method: string, path: string): RouteMatch | undefined {
  const segments = split(path);
  const found = routes
    .filter((route) => route.method === 'ANY' || route.method === method)
    .flatMap((route) => {
      const pathParameters = matchPath(split(route.path), segments);
      return pathParameters ? [{ route, pathParameters: Object.keys(pathParameters).length > 0 ? pathParameters : null }] : [];
    });
  return found.sort((a, b) => rank(a.route).localeCompare(rank(b.route)))[0];
}

const split = (path: string): string[] => path.split('/').filter((segment) => segment !== '');

function matchPath(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [i, part] of pattern.entries()) {
    const [, name, plus] = /^\{([^+}]+)(\+?)\}$/.exec(part) ?? [];
    const segment = segments[i];
    if (segment === undefined || (name === undefined && part !== segment)) return undefined;
    if (name === undefined) continue;
    parameters[name] = plus ? segments.slice(i).map(decode).join('/') : decode(segment);
    if (plus) return parameters;
  }
  return pattern.length === segments.length ? parameters : undefined;
}

export function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** Sorts the most special route first. */
const rank = ({ path, method }: ApiRoute): string =>
  `${split(path).map((part) => (!part.startsWith('{') ? '0' : part.endsWith('+}') ? '2' : '1')).join('')}3${method === 'ANY' ? '1' : '0'}`;
