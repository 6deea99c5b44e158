import { randomUUID } from 'node:crypto';
import type { Backend } from '../../cli/backend.ts';
import { createRunControl } from '../../shared/run-control.ts';
import type { CommandContext } from '../../cli/settings.ts';
import { createSfn, createSqs } from '../../shared/aws/clients.ts';
import { createExecutions, createTaskAnswers } from '../../shared/aws/executions.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { createDispatchQueue } from '../../shared/aws/queues.ts';
import { uploadManifest } from '../../shared/aws/upload-manifest.ts';
import { createFakeTerminal } from './fake-terminal.ts';
import type { TargetClient } from './target-run.ts';

/** A target as the commands see it, with the operator's credentials: what `cancel`, `pause`, `resume` and `redrive` use. */
export function backendOf(client: TargetClient): Backend {
  const { endpoint, region, credentials } = client.target;
  const access = { endpoint, region, credentials };
  const sfn = createSfn(access);
  const results = createObjectStore(client.s3, client.output('ResultsBucket'));
  const { ledger } = client;
  const control = createRunControl({
    ledger,
    results,
    executions: createExecutions(sfn, client.output('StateMachineArn')),
    taskAnswers: createTaskAnswers(sfn),
    dispatchQueue: createDispatchQueue(createSqs(access), client.output('DispatchQueueUrl')),
    clock: Date.now,
    newOwner: randomUUID,
  });
  const backend: Partial<Backend> = {
    endpoint,
    ledger,
    results,
    control,
    manifests: createObjectStore(client.s3, client.output('ManifestsBucket')),
    waitsOf: async () => [],
    describeQueue: async () => ({ classes: {}, tenants: [] }),
    upload: (manifest) => uploadManifest(client.s3, client.output('ManifestsBucket'), manifest),
    stop: async () => undefined,
  };
  return backend as Backend;
}

/** Commands on a target wait in real time. */
export function contextOf(client: TargetClient, tenant: string): CommandContext & { readonly terminal: ReturnType<typeof createFakeTerminal> } {
  const terminal = { ...createFakeTerminal(), now: Date.now, sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 300))) };
  return { terminal, tenant, backendOptions: { dataFolder: '', allowedNetworks: [] }, startBackend: async () => backendOf(client), signal: new AbortController().signal };
}
