import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findStage, type Stage, STAGES_FILE } from '../shared/stages.ts';

export interface NamedStage extends Stage {
  readonly name: string;
}

/**
 * The stage that `cdk … -c stage=<name>` or SPILLWAY_STAGE asks for; undefined: none.
 * @throws ConfigurationError for a stage that `stages.json` does not have, or a fault in it
 */
export function readStage(projectFolder: string, environment: Readonly<Record<string, string | undefined>>): NamedStage | undefined {
  const name = contextOf(environment)['stage'] ?? environment['SPILLWAY_STAGE'];
  if (name === undefined || name === '') return undefined;
  const file = join(projectFolder, STAGES_FILE);
  return { name, ...findStage(existsSync(file) ? readFileSync(file, 'utf8') : undefined, name) };
}

/** The CDK CLI hands `-c` over in a variable, and long contexts in a file. */
function contextOf(environment: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  const { CDK_CONTEXT_JSON: text, CONTEXT_OVERFLOW_LOCATION_ENV: file } = environment;
  const context = JSON.parse(text ?? '{}') as Record<string, string | undefined>;
  return file === undefined ? context : { ...(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string | undefined>), ...context };
}
