import { describe, expect, it } from 'vitest';
import { createApiDirectory } from '../../../shared/api-directory.ts';

const SECRET = 'sk-very-secret';
const stored = (text: string | undefined) => createApiDirectory(async () => text, () => 0);

describe('an API that the operator stored', () => {
  it('is its URL, without a slash at its end, and its key', async () => {
    expect(await stored(`{"url":"https://api.test/v1/","key":"${SECRET}"}`).find('openai')).toEqual({ url: 'https://api.test/v1', key: SECRET });
    expect(await stored('{"url":"http://127.0.0.1:11434/v1"}').find('ollama')).toEqual({ url: 'http://127.0.0.1:11434/v1' });
  });

  it('is unknown if nothing is stored, or its name is none', async () => {
    expect(await stored(undefined).find('openai')).toBeUndefined();
    expect(await stored(`{"url":"https://api.test","key":"${SECRET}"}`).find('../openai')).toBeUndefined();
  });

  it.each([`{"url":"ftp://api.test","key":"${SECRET}"}`, `{"uri":"https://api.test","key":"${SECRET}"}`, `{"url":"https://api.test","key":"${SECRET} "}`, SECRET, `{"url" "${SECRET}"}`, `"${SECRET}"`])('%s is a fault that says nothing of the secret', async (text) => {
    const error = await stored(text).find('openai').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ConfigurationError', message: expect.stringContaining('openai') });
    expect(String(error)).not.toContain(SECRET);
  });

  it('is read once a minute, and a read that failed is tried again', async () => {
    let now = 0;
    let reads = 0;
    const directory = createApiDirectory(async () => (++reads === 1 ? Promise.reject(new Error('no answer')) : '{"url":"https://api.test"}'), () => now);
    await expect(directory.find('a')).rejects.toThrow('no answer');
    await directory.find('a');
    await directory.find('a');
    expect(reads).toBe(2);
    now = 60_000;
    await directory.find('a');
    expect(reads).toBe(3);
  });
});
