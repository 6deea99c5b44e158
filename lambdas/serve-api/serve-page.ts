import type { ApiAnswer, ApiRequest } from './serve-api.ts';

/** Files of the page, by name. @returns undefined if there is none of that name */
export type ReadAsset = (name: string) => string | undefined;

/** The page runs what it was delivered with, and calls this API; it shows nothing of, and is shown in, no other place. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES: Readonly<Record<string, string>> = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' };

/** Pages by their address. */
const PAGES: Readonly<Record<string, string>> = { '/dashboard': 'index.html', '/docs': 'docs.html' };

/** The live page, the API's document as a page, and their files. Its addresses are relative: a deployment has a stage before them. @returns undefined for any other path */
export function servePage({ method, path }: Pick<ApiRequest, 'method' | 'path'>, readAsset: ReadAsset): ApiAnswer | undefined {
  const name = PAGES[path] ?? /^\/dashboard\/([\w-]+\.(?:js|css))$/.exec(path)?.[1];
  const body = name === undefined || method !== 'GET' ? undefined : readAsset(name);
  if (name === undefined || body === undefined) return undefined;
  const headers = {
    'content-type': TYPES[name.split('.').at(-1)!]!,
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': name.endsWith('.html') ? 'no-cache' : 'public, max-age=31536000, immutable',
  };
  return { status: 200, headers, body };
}
