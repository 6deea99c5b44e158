import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import cdkJson from '../cdk.json' with { type: 'json' };
import { bundleDashboard } from './bundle-dashboard.ts';
import { bundleHandlers } from './bundle-handlers.ts';
import { FanOutStack } from './fan-out-stack.ts';
import { stackNameOf } from '../shared/stages.ts';
import type { NamedStage } from './read-stage.ts';
import { DEFAULT_TIMINGS, type Timings } from './timings.ts';

/** Of the stack without a stage. */
export const STACK_NAME = stackNameOf();

export interface AssemblyOptions {
  /** Holds `lambdas/` and `state-machines/`; the project's folder. */
  readonly sourceRoot: string;
  readonly timings?: Timings;
  /** @default none: the stack `Spillway`, for any account and Region */
  readonly stage?: NamedStage;
}

export async function assemble(outFolder: string, { sourceRoot, timings, stage }: AssemblyOptions): Promise<void> {
  const bundlesFolder = mkdtempSync(join(tmpdir(), 'spillway-bundles-'));
  try {
    await Promise.all([bundleHandlers(sourceRoot, bundlesFolder), bundleDashboard(sourceRoot, bundlesFolder)]);
    writeAssembly(outFolder, { sourceRoot, bundlesFolder, ...(timings && { timings }), ...(stage && { stage }) });
  } finally {
    rmSync(bundlesFolder, { recursive: true, force: true });
  }
}

/** Writes the template and the bundles into `outFolder`, as a CDK cloud assembly. @returns the app that wrote it */
export function writeAssembly(outFolder: string, { sourceRoot, bundlesFolder, timings = DEFAULT_TIMINGS, stage }: AssemblyOptions & { readonly bundlesFolder: string }): App {
  // The CLI hands cdk.json's context over; without the CLI it is given here, so that both ways write the same template.
  const app = new App({ outdir: outFolder, analyticsReporting: false, treeMetadata: false, stackTraces: false, context: cdkJson.context });
  const runDefinition = readFileSync(join(sourceRoot, 'state-machines', 'run.asl.json'), 'utf8');
  new FanOutStack(app, stackNameOf(stage?.name), { bundlesFolder, runDefinition, timings, ...(stage && { stage }) });
  app.synth();
  return app;
}
