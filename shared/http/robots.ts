/** robots.txt as RFC 9309 has it: groups, longest match, `*` and `$`; where it is silent, as Google's parser reads it. Pure. */
export interface RobotsRules {
  isAllowed(url: string): boolean;
  /** Seconds between requests, if the group asks for it (no part of the RFC, widely used). */
  readonly crawlDelaySeconds?: number;
  readonly sitemaps: readonly string[];
}

interface Rule {
  readonly isAllow: boolean;
  readonly pattern: string;
}

interface Group {
  readonly rules: Rule[];
  crawlDelaySeconds?: number;
}

/** RFC 9309 asks for at least this much; what follows is not read. */
export const MAX_ROBOTS_BYTES = 500 * 1024;
/** Longer lines are cut, as Google cuts them. */
const MAX_LINE_CHARACTERS = 8 * 2083 - 1;

const AGENT_KEY = /^user-?agent$|^user agent$/;

/** @param productToken such as `Spillway`, compared without case */
export function parseRobots(text: string, productToken: string): RobotsRules {
  const own: Group = { rules: [] };
  const general: Group = { rules: [] };
  const sitemaps: string[] = [];
  const agent = productToken.toLowerCase();
  let hasOwn = false;
  let current: readonly Group[] = [];
  let isInRules = true;
  for (const { key, value } of readLines(text)) {
    if (AGENT_KEY.test(key)) {
      if (isInRules) current = [];
      isInRules = false;
      const group = selectGroup(value, agent, own, general);
      if (group === own) hasOwn = true;
      if (group) current = [...current, group];
    } else if (key === 'allow' || key === 'disallow') {
      isInRules = true;
      for (const group of current) addRule(group, key === 'allow', value);
    } else if (key === 'crawl-delay') {
      for (const group of current) readCrawlDelay(group, value);
    } else if (key === 'sitemap') sitemaps.push(value);
  }
  const { rules, crawlDelaySeconds } = hasOwn ? own : general;
  return { isAllowed: (url) => isPathAllowed(rules, pathOf(url)), sitemaps, ...(crawlDelaySeconds !== undefined && { crawlDelaySeconds }) };
}

/** Nothing is allowed, or everything: what a missing or unreachable file means. */
export const ALLOW_ALL: RobotsRules = { isAllowed: () => true, sitemaps: [] };

function* readLines(text: string): Generator<{ key: string; value: string }> {
  for (const raw of text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)) {
    const line = raw.slice(0, MAX_LINE_CHARACTERS).replace(/#.*$/s, '').trim();
    const match = /^([^:]*):(.*)$/s.exec(line) ?? /^(\S+)\s+(\S+)$/.exec(line);
    if (match) yield { key: match[1]!.trim().toLowerCase(), value: match[2]!.trim() };
  }
}

function selectGroup(value: string, agent: string, own: Group, general: Group): Group | undefined {
  if (/^\*(?:\s|$)/.test(value)) return general;
  const token = /^[a-z_-]+/i.exec(value)?.[0].toLowerCase();
  return token !== undefined && token === agent ? own : undefined;
}

function addRule(group: Group, isAllow: boolean, value: string): void {
  if (value === '') return;
  const pattern = escapePattern(value);
  group.rules.push({ isAllow, pattern });
  const index = pattern.search(/\/index\.html?$/);
  if (isAllow && index !== -1) group.rules.push({ isAllow, pattern: `${pattern.slice(0, index + 1)}$` });
}

function readCrawlDelay(group: Group, value: string): void {
  const seconds = Number(value);
  if (value !== '' && Number.isFinite(seconds) && seconds >= 0) group.crawlDelaySeconds = Math.max(group.crawlDelaySeconds ?? 0, seconds);
}

/** As URLs are written on the wire: other than ASCII percent-encoded, hexadecimal digits in upper case. */
const escapePattern = (pattern: string): string =>
  pattern.replace(/[^\x00-\x7f]+/g, (text) => encodeURIComponent(text.toWellFormed())).replace(/%[0-9a-f]{2}/gi, (escape) => escape.toUpperCase());

function pathOf(url: string): string {
  const path = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*([^#]*)/i.exec(url)?.[1] ?? url.replace(/#.*$/s, '');
  return path.startsWith('/') ? path : `/${path}`;
}

/** The longest matching pattern decides; of equals `allow`. */
function isPathAllowed(rules: readonly Rule[], path: string): boolean {
  let longest = -1;
  let isAllowed = true;
  for (const { isAllow, pattern } of rules) {
    if (pattern.length < longest || (pattern.length === longest && !isAllow) || !matches(path, pattern)) continue;
    longest = pattern.length;
    isAllowed = isAllow;
  }
  return isAllowed;
}

/** Wildcards without backtracking: each piece is found at its first place after the one before; the last one at the end, if anchored. */
function matches(path: string, pattern: string): boolean {
  const isAnchored = pattern.endsWith('$');
  const [first = '', ...pieces] = (isAnchored ? pattern.slice(0, -1) : pattern).split('*');
  if (!path.startsWith(first)) return false;
  let position = first.length;
  const last = isAnchored ? pieces.pop() : undefined;
  for (const piece of pieces) {
    const found = path.indexOf(piece, position);
    if (found === -1) return false;
    position = found + piece.length;
  }
  if (!isAnchored) return true;
  return last === undefined ? position === path.length : path.length - last.length >= position && path.endsWith(last);
}
