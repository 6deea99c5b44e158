import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ConfigurationError, UsageError } from '../../shared/errors.ts';

/** A stack that is reached over its API, and with which key. */
const profileSchema = z.object({ url: z.url(), key: z.string().min(1), stack: z.string().optional() });
const profilesSchema = z.record(z.string(), profileSchema);
export type Profile = z.infer<typeof profileSchema>;

export const DEFAULT_PROFILE = 'default';

type Environment = Readonly<Record<string, string | undefined>>;

/** `SPILLWAY_PROFILES`, else below the user's configuration folder (XDG Base Directory Specification). */
export const profilesFile = (environment: Environment): string => environment['SPILLWAY_PROFILES'] ?? join(environment['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'spillway', 'profiles.json');

/** @throws UsageError naming the profiles that there are */
export async function readProfile(name: string, environment: Environment): Promise<Profile> {
  const { SPILLWAY_URL: url, SPILLWAY_KEY: key } = environment;
  if (url && key) return { url, key };
  const file = profilesFile(environment);
  const profiles = await readProfiles(file);
  const found = profiles[name];
  if (!found) throw new UsageError(`expected a profile ${name} in ${file}, there ${Object.keys(profiles).length === 0 ? 'is none: make one with `spillway login`' : `are ${Object.keys(profiles).join(', ')}`}`);
  return found;
}

/** Readable by this user only: it holds the key. */
export async function writeProfile(name: string, profile: Profile, environment: Environment): Promise<string> {
  const file = profilesFile(environment);
  const profiles = { ...(await readProfiles(file)), [name]: profile };
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.${process.pid}.new`;
  await writeFile(fresh, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 });
  await rename(fresh, file);
  return file;
}

/** @throws ConfigurationError if it can't be read */
async function readProfiles(file: string): Promise<Record<string, Profile>> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw new ConfigurationError(`expected to read the profiles in ${file}: ${error.message}`);
  });
  try {
    return profilesSchema.parse(JSON.parse(text));
  } catch {
    throw new ConfigurationError(`expected ${file} to be JSON, a profile with \`url\` and \`key\` by each name: mend it, or take it away and \`spillway login\` anew`);
  }
}
