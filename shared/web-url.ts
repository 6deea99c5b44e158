/** RFC 9110 asks for at least 8,000; longer ones are refused by most servers. */
export const MAX_URL_CHARACTERS = 8192;

/** `host` carries a port that is not the scheme's default. */
export type CanonicalUrl =
  | { readonly ok: true; readonly href: string; readonly host: string }
  | { readonly ok: false; readonly reason: string };

/**
 * The one spelling of a web address (WHATWG URL): http or https, no credentials, no fragment, no default port, path at least `/`.
 * A bare `example.com/x` is read as https. `canonicalUrl(x.href)` gives `x` again. Pure; about half a microsecond.
 */
export function canonicalUrl(text: string): CanonicalUrl {
  const trimmed = text.trim();
  if (trimmed.length > MAX_URL_CHARACTERS) return refuse(`expected a URL of at most ${MAX_URL_CHARACTERS} characters, got ${trimmed.length}`);
  // WHATWG drops tabs and line ends inside a URL: two addresses on one line would silently become one.
  if (CONTROL.test(trimmed)) return refuse(`expected one URL, got control characters in ${quote(trimmed)}`);
  const absolute = HTTP.test(trimmed) ? trimmed : withScheme(trimmed);
  const url = absolute === undefined ? null : URL.parse(absolute);
  if (url === null) return refuse(`expected a URL such as https://example.com/, got ${quote(trimmed)}`);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse(`expected http or https, got ${url.protocol.slice(0, -1)} in ${quote(trimmed)}`);
  return withoutExtras(url);
}

// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;
const HTTP = /^https?:\/\//i;
const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const HOST_AND_PORT = /^[^:/?#\s]+:\d+(?:[/?#]|$)/;
/** A bare word is more likely a heading than a host: a bare host has a dot, is `localhost` or a bracketed address. */
const BARE_HOST = /^(?:[^\s/?#@:]+\.[^\s/?#@:]+|localhost|\[[0-9a-f:.]+\])(?::\d+)?(?:[/?#]|$)/i;

function withScheme(text: string): string | undefined {
  if (text.startsWith('//')) return `https:${text}`;
  if (SCHEME.test(text) && !HOST_AND_PORT.test(text)) return text;
  return BARE_HOST.test(text) ? `https://${text}` : undefined;
}

function withoutExtras(url: URL): CanonicalUrl {
  const { href, host } = url;
  if (href.includes('@') && (url.username !== '' || url.password !== '')) return refuse('expected a URL without user name and password');
  const fragment = href.indexOf('#');
  return { ok: true, href: fragment === -1 ? href : href.slice(0, fragment), host };
}

const refuse = (reason: string): CanonicalUrl => ({ ok: false, reason });
const MAX_QUOTED_CHARACTERS = 100;
const quote = (text: string): string => JSON.stringify(text.length > MAX_QUOTED_CHARACTERS ? `${text.slice(0, MAX_QUOTED_CHARACTERS)}…` : text);
