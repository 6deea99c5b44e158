import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ConfigurationError } from '../shared/errors.ts';

export const HANDLER_NAMES = [
  'admit-run',
  'plan-run',
  'dispatch-batches',
  'process-batch',
  'await-run',
  'merge-results',
  'finish-run',
  'sweep-runs',
  'erase-runs',
  'serve-api',
] as const;

export type HandlerName = (typeof HANDLER_NAMES)[number];

/** Threads that a function starts: bundled beside its handler, which finds them by their file's name. */
export const THREADS: Readonly<Record<string, string>> = {
  'process-batch/document-thread': join('processors', 'document', 'document-thread.ts'),
};

/** Packages written as CommonJS call `require` for Node's own modules, which an ES module does not have. */
const REQUIRE_FOR_COMMONJS = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

/**
 * Bundles `lambdas/<name>/handler.ts` of every function into `<outFolder>/<name>/index.mjs`, and the threads beside them.
 * The same sources give the same bytes wherever they lie: paths are relative to the source root, and names stay as they are written.
 * @returns every file that went into a bundle, relative to the source root
 * @throws ConfigurationError when a handler is missing
 */
export async function bundleHandlers(sourceRoot: string, outFolder: string): Promise<string[]> {
  const entryPoints = Object.fromEntries(HANDLER_NAMES.map((name) => [`${name}/index`, join('lambdas', name, 'handler.ts')]));
  const missing = Object.values(entryPoints).filter((path) => !existsSync(join(sourceRoot, path)));
  if (missing.length > 0) throw new ConfigurationError(`expected a handler for every function of the stack, but these files do not exist: ${missing.join(', ')}`);
  const { metafile } = await build({
    entryPoints: { ...entryPoints, ...THREADS },
    outdir: outFolder,
    absWorkingDir: sourceRoot,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // ES modules first: they can be tree-shaken.
    mainFields: ['module', 'main'],
    banner: { js: REQUIRE_FOR_COMMONJS },
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    sourcemap: false,
    tsconfigRaw: {},
    metafile: true,
    logLevel: 'error',
  });
  return Object.keys(metafile.inputs);
}
