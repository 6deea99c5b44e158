import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { profilesFile, readProfile, writeProfile } from '../../../../cli/remote/profile.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-profile-'));
});
afterEach(() => rm(folder, { recursive: true }));

const PROFILE = { url: 'https://api.test/prod/', key: 'spw_k' };

describe('a profile', () => {
  it('stands beside the others below the user\'s configuration, readable by this user only', async () => {
    const environment = { XDG_CONFIG_HOME: folder };
    await writeProfile('one', PROFILE, environment);
    const file = await writeProfile('two', { ...PROFILE, stack: 'Spillway' }, environment);
    expect(file).toBe(join(folder, 'spillway/profiles.json'));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readProfile('one', environment)).toEqual(PROFILE);
    expect(await readProfile('two', environment)).toMatchObject({ stack: 'Spillway' });
  });

  it('that is not there is said to be so, with those that are', async () => {
    const environment = { SPILLWAY_PROFILES: join(folder, 'p.json') };
    await expect(readProfile('one', environment)).rejects.toThrow('there is none: make one with `spillway login`');
    await writeProfile('two', PROFILE, environment);
    await expect(readProfile('one', environment)).rejects.toThrow('expected a profile one in');
    await expect(readProfile('one', environment)).rejects.toThrow('there are two');
  });

  it('gives way to an address and a key in the environment', async () => {
    expect(await readProfile('any', { SPILLWAY_URL: 'https://b.test', SPILLWAY_KEY: 'k' })).toEqual({ url: 'https://b.test', key: 'k' });
  });

  it('in a file that is broken is no profile', async () => {
    const file = join(folder, 'p.json');
    await writeFile(file, '{"one":{"url":7}}');
    await expect(readProfile('one', { SPILLWAY_PROFILES: file })).rejects.toThrow(`expected ${file} to be JSON`);
  });

  it('is kept in the home folder by default', () => {
    expect(profilesFile({})).toMatch(/\.config\/spillway\/profiles\.json$/);
  });
});
