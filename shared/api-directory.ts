import { z } from 'zod';
import type { ApiAccess, ApiDirectory } from './api-call.ts';
import { ConfigurationError } from './errors.ts';
import { isApiName } from './names.ts';

/** What is stored for an API, as JSON: `{"url": "https://api.openai.com/v1", "key": "sk-…"}`. */
const accessSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, '')),
  key: z.string().regex(/^[\x21-\x7E]+$/, 'expected printable characters without spaces').optional(),
});

/** A key that was changed is used within this time. */
const KEPT_MS = 60_000;

/** Remembers what it read for a minute. @param read the text that is stored for a name, undefined if there is none */
export function createApiDirectory(read: (name: string) => Promise<string | undefined>, clock: () => number): ApiDirectory {
  const known = new Map<string, { readonly access: Promise<ApiAccess | undefined>; readonly until: number }>();

  async function readAccess(name: string): Promise<ApiAccess | undefined> {
    const text = await read(name);
    return text === undefined ? undefined : parseAccess(name, text);
  }

  return {
    find(name) {
      if (!isApiName(name)) return Promise.resolve(undefined);
      const found = known.get(name);
      if (found && clock() < found.until) return found.access;
      const access = readAccess(name);
      known.set(name, { access, until: clock() + KEPT_MS });
      access.catch(() => known.delete(name));
      return access;
    },
  };
}

/** Its faults tell of the form only: the text is a secret, which errors of JSON.parse repeat. */
function parseAccess(name: string, text: string): ApiAccess {
  const parsed = accessSchema.safeParse(readJson(text));
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'all of it'}: ${message}`).join('; ');
    throw new ConfigurationError(`expected what is stored for the API ${name} to be {"url": "https://…", "key": "…"}: ${faults}`);
  }
  const { url, key } = parsed.data;
  return { url, ...(key !== undefined && { key }) };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
