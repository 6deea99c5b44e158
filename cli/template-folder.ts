import { join, resolve } from 'node:path';

/** Compiled, as the npm package ships it: it brings the template and the functions, and no CDK. */
export const IS_PACKAGE = import.meta.filename.endsWith('.js');

/** The assembly that runs: the package's own, else one in the data folder that is made anew whenever the sources are other ones. */
export async function provideTemplate(dataFolder: string, note: (line: string) => void): Promise<string> {
  if (IS_PACKAGE) return resolve(import.meta.dirname, '../cdk.out');
  const folder = join(dataFolder, 'cdk.out');
  // Loaded only now: the CDK takes longer than the first line may.
  const { synthesise } = await import('../cdk/synthesise.ts');
  const { isNew } = await synthesise(folder);
  if (isNew) note('built the template and its functions');
  return folder;
}
