import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../../../shared/errors.ts';
import { isRecord, recordOf, show, type JsonRecord } from './json.ts';

/** What `cdk synth` wrote for one stack. */
export interface Assembly {
  readonly stackName: string;
  readonly template: JsonRecord;
  /** Folder or file of an asset, by the object key that the template names (`<hash>.zip`). */
  assetPath(objectKey: string): string | undefined;
}

const TEMPLATE_SUFFIX = '.template.json';

/**
 * Reads the one stack of a synthesised folder (`cdk.out`).
 * @throws ConfigurationError if the folder, the template or an asset it lists is missing or can't be read
 */
export async function readAssembly(folder: string): Promise<Assembly> {
  const names: string[] = await readdir(folder).catch(() => []);
  const templates = names.filter((name) => name.endsWith(TEMPLATE_SUFFIX));
  if (templates.length !== 1) {
    throw new ConfigurationError(`expected one *${TEMPLATE_SUFFIX} in ${folder}, found ${templates.length}; run \`npm run synth\` first`);
  }
  const stackName = templates[0]!.slice(0, -TEMPLATE_SUFFIX.length);
  const template = await readJson(join(folder, templates[0]!));
  const manifest = names.includes(`${stackName}.assets.json`) ? await readJson(join(folder, `${stackName}.assets.json`)) : {};
  const assets = await readAssets(folder, manifest);
  return { stackName, template, assetPath: (objectKey) => assets.get(objectKey) };
}

async function readAssets(folder: string, manifest: JsonRecord): Promise<Map<string, string>> {
  const paths = new Map<string, string>();
  for (const asset of Object.values(recordOf(manifest['files']))) {
    const path = recordOf(recordOf(asset)['source'])['path'];
    if (typeof path !== 'string') throw new ConfigurationError(`expected a source path for each asset in ${folder}, got ${show(asset)}; run \`npm run synth\``);
    await stat(join(folder, path)).catch(() => {
      throw new ConfigurationError(`the asset ${path} is listed in ${folder} but is not there; run \`npm run synth\` again`);
    });
    for (const destination of Object.values(recordOf(recordOf(asset)['destinations']))) {
      const key = recordOf(destination)['objectKey'];
      if (typeof key === 'string') paths.set(key, join(folder, path));
    }
  }
  return paths;
}

async function readJson(path: string): Promise<JsonRecord> {
  const text = await readFile(path, 'utf8');
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (error) {
    throw new ConfigurationError(`${path} is no JSON; run \`npm run synth\` again`, { cause: error });
  }
  throw new ConfigurationError(`expected a JSON object in ${path}; run \`npm run synth\` again`);
}
