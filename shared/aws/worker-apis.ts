import type { ApiDirectory } from '../api-call.ts';
import { createApiDirectory } from '../api-directory.ts';
import type { Configuration } from '../configuration.ts';
import { createJsonTransport } from '../http/json-transport.ts';
import type { LimitSettings } from '../limit-settings.ts';
import type { Limiter } from '../limiter.ts';
import { LimitedApiCaller } from '../limiting/api-caller.ts';
import { createParameterReader } from './api-parameters.ts';
import { createSsm } from './clients.ts';
import { USER_AGENT } from './worker-fetcher.ts';

/** The variables that a function needs to call APIs. */
export const API_VARIABLES = ['ALLOWED_NETWORKS', 'APIS_PREFIX'] as const;

/** A worker class without the permission knows no API. */
const NO_APIS: ApiDirectory = { find: () => Promise.resolve(undefined) };

/** Calls the operator's APIs with the limits that all workers share. */
export function createWorkerApis(configuration: Configuration<(typeof API_VARIABLES)[number]>, { limiter, settings }: { readonly limiter: Limiter; readonly settings: () => Promise<LimitSettings> }): LimitedApiCaller {
  const { APIS_PREFIX: prefix, ALLOWED_NETWORKS: allowedNetworks } = configuration;
  const apis = prefix === undefined ? NO_APIS : createApiDirectory(createParameterReader(createSsm(), prefix), Date.now);
  return new LimitedApiCaller({ apis, limiter, settings, transport: createJsonTransport({ allowedNetworks, userAgent: USER_AGENT, clock: Date.now }), clock: Date.now });
}
