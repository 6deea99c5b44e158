import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { TestProject } from 'vitest/node';
import { STACK_NAME, writeAssembly } from '../../cdk/assemble.ts';
import { bundleDashboard } from '../../cdk/bundle-dashboard.ts';
import { bundleHandlers } from '../../cdk/bundle-handlers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    readonly synthesis: Synthesis;
  }
}

interface Synthesis {
  /** The cloud assembly, as `npm run synth` writes it. */
  readonly assemblyFolder: string;
  readonly templatePath: string;
  readonly bundlesFolder: string;
  /** The files that went into the bundles, relative to the project's folder. */
  readonly bundled: string[];
}

/** Synthesises the project once for all infra tests: esbuild and the CDK take seconds each, and tens of them on a busy machine. */
export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-synthesis-'));
  const [assemblyFolder, bundlesFolder] = [join(folder, 'assembly'), join(folder, 'bundles')];
  const sourceRoot = resolve(import.meta.dirname, '../..');
  const [bundled] = await Promise.all([bundleHandlers(sourceRoot, bundlesFolder), bundleDashboard(sourceRoot, bundlesFolder)]);
  writeAssembly(assemblyFolder, { sourceRoot, bundlesFolder });
  const templatePath = join(assemblyFolder, `${STACK_NAME}.template.json`);
  project.provide('synthesis', { assemblyFolder, templatePath, bundlesFolder, bundled });
  return () => rmSync(folder, { recursive: true, force: true });
}
