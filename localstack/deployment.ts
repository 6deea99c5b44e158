import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What `deploy.ts` leaves behind for whoever wants to talk to the deployed stack. */
export interface Deployment {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** The template's outputs, by name; `ApiUrl` in a form that resolves without DNS. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Of a stack that tests talk to, on either target: their pages are served on loopback. */
export const LOCAL_PARAMETERS: Readonly<Record<string, string>> = { AllowedNetworks: '127.0.0.0/8' };

const DEFAULT_PORT = '4566';

/** LOCALSTACK_PORT is the harness's variable: several can run side by side. */
export const localstackEndpoint = (environment: NodeJS.ProcessEnv): string => `http://127.0.0.1:${environment['LOCALSTACK_PORT'] ?? DEFAULT_PORT}`;

/** One file an endpoint, below the project's folder. */
export const deploymentFile = (endpoint: string): string => join('build', 'localstack', `deployment-${new URL(endpoint).port}.json`);

export function writeDeployment(projectFolder: string, deployment: Deployment): string {
  const path = join(projectFolder, deploymentFile(deployment.endpoint));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(deployment, null, 2)}\n`);
  return path;
}

/** API Gateway's own URL names a host per API; LocalStack serves the same API below a path. Other values pass. */
export function reachableApiUrl(endpoint: string, apiUrl: string): string {
  const groups = /^https?:\/\/(?<api>\w+)\.execute-api\.[^/]+\/(?<rest>.*)$/.exec(apiUrl)?.groups;
  return groups ? `${endpoint}/_aws/execute-api/${groups['api']}/${groups['rest']}` : apiUrl;
}

/** @returns undefined if nothing was deployed to that endpoint from here */
export function readDeployment(projectFolder: string, endpoint: string): Deployment | undefined {
  try {
    return JSON.parse(readFileSync(join(projectFolder, deploymentFile(endpoint)), 'utf8')) as Deployment;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
