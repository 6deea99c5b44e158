import type { SpillwayClient } from '../client/spillway-client.ts';
import type { Backend } from './backend.ts';
import type { CommandContext } from './settings.ts';

interface Ways<Answer> {
  readonly far: (client: SpillwayClient) => Promise<Answer>;
  readonly here: (backend: Backend) => Promise<Answer>;
}

/** Over the API of the profile that was chosen, else on the stack of this machine; read-only: one that is started for this works on nothing. */
export async function onStack<Answer>({ openClient, startBackend, backendOptions }: Pick<CommandContext, 'openClient' | 'startBackend' | 'backendOptions'>, { far, here }: Ways<Answer>): Promise<Answer> {
  const client = await openClient?.();
  if (client) return far(client);
  const backend = await startBackend({ ...backendOptions, isReadOnly: true });
  try {
    return await here(backend);
  } finally {
    await backend.stop();
  }
}
