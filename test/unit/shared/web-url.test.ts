import { describe, expect, test } from 'vitest';
import { canonicalUrl } from '../../../shared/web-url.ts';

describe('one spelling of a web address', () => {
  test.each([
    ['https://example.com', 'https://example.com/', 'example.com'],
    ['  HTTP://EXAMPLE.com:80/A/../b?x=1#top ', 'http://example.com/b?x=1', 'example.com'],
    ['https://example.com:443/', 'https://example.com/', 'example.com'],
    ['https://example.com:8443/', 'https://example.com:8443/', 'example.com:8443'],
    ['example.com/x', 'https://example.com/x', 'example.com'],
    ['example.com:8080/x', 'https://example.com:8080/x', 'example.com:8080'],
    ['localhost:3000', 'https://localhost:3000/', 'localhost:3000'],
    ['//example.com/x', 'https://example.com/x', 'example.com'],
    ['[::1]:8080/x', 'https://[::1]:8080/x', '[::1]:8080'],
    ['https://münchen.example/ä', 'https://xn--mnchen-3ya.example/%C3%A4', 'xn--mnchen-3ya.example'],
    ['https://example.com/@user', 'https://example.com/@user', 'example.com'],
    ['https://example.com/#', 'https://example.com/', 'example.com'],
    ['http://0x7f.1/', 'http://127.0.0.1/', '127.0.0.1'],
    ['http://intranet/', 'http://intranet/', 'intranet'],
  ])('%s', (text, href, host) => {
    expect(canonicalUrl(text)).toEqual({ ok: true, href, host });
    expect(canonicalUrl(href)).toEqual({ ok: true, href, host });
  });
});

describe('no web address', () => {
  test.each([
    ['', 'expected a URL such as https://example.com/, got ""'],
    ['url', 'expected a URL such as https://example.com/, got "url"'],
    ['/path', 'expected a URL such as https://example.com/, got "/path"'],
    ['hello world', 'expected a URL such as https://example.com/, got "hello world"'],
    ['https://', 'expected a URL such as https://example.com/, got "https://"'],
    ['https://exa mple.com/', 'expected a URL such as https://example.com/, got "https://exa mple.com/"'],
    ['ftp://example.com/', 'expected http or https, got ftp in "ftp://example.com/"'],
    ['mailto:someone@example.com', 'expected http or https, got mailto in "mailto:someone@example.com"'],
    ['javascript:alert(1)', 'expected http or https, got javascript in "javascript:alert(1)"'],
    ['tel:123', 'expected a URL such as https://example.com/, got "tel:123"'],
    ['https://user:word@example.com/', 'expected a URL without user name and password'],
    ['https://a.example/\thttps://b.example/', 'expected one URL, got control characters in "https://a.example/\\thttps://b.example/"'],
    [`https://example.com/${'x'.repeat(8192)}`, 'expected a URL of at most 8192 characters, got 8212'],
  ])('%j', (text, reason) => {
    expect(canonicalUrl(text)).toEqual({ ok: false, reason });
  });
});
