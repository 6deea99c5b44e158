import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from 'esbuild';

/** Files of the page, beside the bundle of the function that serves them. */
const FOLDER = join('serve-api', 'dashboard');

/** Bundles `dashboard/` into `<outFolder>/serve-api/dashboard`; names carry the hash of what is inside, so that browsers may keep them for ever. */
export async function bundleDashboard(sourceRoot: string, outFolder: string): Promise<void> {
  const folder = join(outFolder, FOLDER);
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    entryPoints: { main: 'dashboard/main.ts', docs: 'dashboard/docs.ts', style: 'dashboard/main.css' },
    outdir: folder,
    absWorkingDir: sourceRoot,
    entryNames: '[name]-[hash]',
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    minify: true,
    legalComments: 'none',
    tsconfigRaw: {},
    metafile: true,
    logLevel: 'error',
  });
  const names = Object.keys(metafile.outputs).map((path) => relative(folder, join(sourceRoot, path)));
  const nameOf = (start: string): string => names.find((name) => name.startsWith(start))!;
  for (const [page, script] of [['index.html', 'main'], ['docs.html', 'docs']] as const) {
    const text = readFileSync(join(sourceRoot, 'dashboard', page), 'utf8');
    writeFileSync(join(folder, page), text.replace('dashboard/main.css', `dashboard/${nameOf('style-')}`).replace(`dashboard/${script}.js`, `dashboard/${nameOf(`${script}-`)}`));
  }
}
