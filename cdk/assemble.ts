import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import cdkJson from '../cdk.json' with { type: 'json' };
import { bundleHandlers } from './bundle-handlers.ts';
import { FanOutStack } from './fan-out-stack.ts';

export const STACK_NAME = 'Spillway';

export interface AssembleOptions {
  /** Holds `lambdas/` and `state-machines/`; the project's folder. */
  readonly sourceRoot: string;
  /** Looks at the app before it is written: where tests put their checks on. */
  readonly inspect?: (app: App, stack: FanOutStack) => void;
}

/** Bundles the functions and writes the template and the bundles into `outFolder`, as a CDK cloud assembly. */
export async function assemble(outFolder: string, { sourceRoot, inspect }: AssembleOptions): Promise<void> {
  const bundlesFolder = mkdtempSync(join(tmpdir(), 'spillway-bundles-'));
  try {
    await bundleHandlers(sourceRoot, bundlesFolder);
    // The CLI hands cdk.json's context over; without the CLI it is given here, so that both ways write the same template.
    const app = new App({ outdir: outFolder, analyticsReporting: false, treeMetadata: false, stackTraces: false, context: cdkJson.context });
    const runDefinition = readFileSync(join(sourceRoot, 'state-machines', 'run.asl.json'), 'utf8');
    const stack = new FanOutStack(app, STACK_NAME, { bundlesFolder, runDefinition });
    inspect?.(app, stack);
    app.synth();
  } finally {
    rmSync(bundlesFolder, { recursive: true, force: true });
  }
}
