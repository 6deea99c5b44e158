import { describe, expect, it } from 'vitest';
import { servePage } from '../../../lambdas/serve-api/serve-page.ts';

const asked: string[] = [];
const serve = (method: string, path: string) => servePage({ method, path }, (name) => (asked.push(name), name === 'gone.js' ? undefined : `<${name}>`));

describe('the live page', () => {
  it('is one address, and its files lie below it', () => {
    expect(serve('GET', '/dashboard')).toMatchObject({ status: 200, body: '<index.html>', headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' } });
    expect(serve('GET', '/dashboard/main-ABC123.js')).toMatchObject({ body: '<main-ABC123.js>', headers: { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': expect.stringContaining('immutable') } });
    expect(serve('GET', '/docs')).toMatchObject({ body: '<docs.html>', headers: { 'cache-control': 'no-cache' } });
    expect(serve('GET', '/dashboard/style-X.css')).toMatchObject({ headers: { 'content-type': 'text/css; charset=utf-8' } });
  });

  it('lets the browser load and call nothing but this origin, and be shown nowhere else', () => {
    const policy = serve('GET', '/dashboard')!.headers['content-security-policy']!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it.each(['/', '/dashboard/', '/dashboard/../handler.js', '/dashboard/a/b.js', '/dashboard/secret.json', '/dashboard/gone.js', '/v1/runs'])('%s is none of its files', (path) => {
    expect(serve('GET', path)).toBeUndefined();
  });

  it('answers to GET only', () => {
    expect(serve('POST', '/dashboard')).toBeUndefined();
  });
});
