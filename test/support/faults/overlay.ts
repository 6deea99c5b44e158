import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { assemble } from '../../../cdk/assemble.ts';
import type { Timings } from '../../../cdk/timings.ts';

const PROJECT_FOLDER = resolve(import.meta.dirname, '../../..');
const SOURCES = ['dashboard', 'lambdas', 'processors', 'shared', 'state-machines', 'package.json'];
const UNRULY = join(PROJECT_FOLDER, 'test', 'fixtures', 'unruly-processor.ts');
const LAST_ENTRY = '  noop,\n];';

export interface Overlay {
  /** The synthesised folder. */
  readonly folder: string;
  remove(): void;
}

export interface OverlayOptions {
  readonly timings: Timings;
  /** Changes the copied sources before they are bundled. */
  readonly change?: (sourceRoot: string) => void;
}

/**
 * Bundles hold registered processors alone, and none of them misbehaves. So this assembles a copy of the project in which two files differ:
 * `processors/registry.ts` has one more line, and `processors/unruly/processor.ts` is the fixture. All else has the same bytes.
 */
export async function assembleWithUnruly({ timings, change = () => {} }: OverlayOptions): Promise<Overlay> {
  const scratch = mkdtempSync(join(tmpdir(), 'spillway-overlay-'));
  const [sourceRoot, folder] = [join(scratch, 'project'), join(scratch, 'cdk.out')];
  const remove = (): void => rmSync(scratch, { recursive: true, force: true });
  try {
    copyProject(sourceRoot);
    registerUnruly(sourceRoot);
    change(sourceRoot);
    await assemble(folder, { sourceRoot, timings });
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** Real copies: the bundler follows links to where they lead, and would find the other registry there. */
function copyProject(sourceRoot: string): void {
  mkdirSync(sourceRoot);
  for (const name of SOURCES) cpSync(join(PROJECT_FOLDER, name), join(sourceRoot, name), { recursive: true });
  symlinkSync(join(PROJECT_FOLDER, 'node_modules'), join(sourceRoot, 'node_modules'), 'dir');
}

function registerUnruly(sourceRoot: string): void {
  const registry = join(sourceRoot, 'processors', 'registry.ts');
  const text = readFileSync(registry, 'utf8');
  if (!text.includes(LAST_ENTRY)) throw new Error(`expected ${JSON.stringify(LAST_ENTRY)} in processors/registry.ts`);
  writeFileSync(registry, `import { unruly } from './unruly/processor.ts';\n${text.replace(LAST_ENTRY, '  noop,\n  unruly,\n];')}`);
  cpSync(UNRULY, join(sourceRoot, 'processors', 'unruly', 'processor.ts'));
}
