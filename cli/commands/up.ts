import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { CommandContext } from '../settings.ts';

/** Keeps the stack running until Ctrl-C. */
export async function upCommand({ terminal, tenant, backendOptions, startBackend, signal }: CommandContext): Promise<ExitCode> {
  terminal.note(`starting the stack in ${backendOptions.dataFolder}`);
  const backend = await startBackend(backendOptions);
  const { endpoint, apiEndpoint, manifests, results } = backend;
  if (terminal.isJson) terminal.print(JSON.stringify({ endpoint, apiEndpoint, manifestsBucket: manifests.bucket, resultsBucket: results.bucket }));
  else {
    terminal.print(`endpoint   ${endpoint} (S3, SQS, DynamoDB, Step Functions)`);
    if (apiEndpoint) terminal.print(`api        ${apiEndpoint}`);
    if (apiEndpoint) terminal.print(`page       ${apiEndpoint.replace(/\/$/, '')}/dashboard`);
    terminal.print(`manifests  s3://${manifests.bucket}/${tenant}/<processor>/<name>`);
    terminal.print(`results    s3://${results.bucket}/${tenant}/<run>/`);
    terminal.print('Ctrl-C stops it; what it keeps stays in the data folder');
  }
  while (!signal.aborted) await terminal.sleep(60_000, signal);
  await backend.stop();
  return EXIT.ok;
}
