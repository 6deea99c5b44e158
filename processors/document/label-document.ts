import type { LabelRule } from './options.ts';

interface LabelledText {
  readonly title?: string;
  readonly text: string;
}

/**
 * The label whose rule finds most: first by different keywords found, then by how often, then by the label's own name.
 * @returns undefined if no rule is for the document
 */
export function labelDocument({ title = '', text }: LabelledText, rules: Readonly<Record<string, LabelRule>>): string | undefined {
  const places = { title: title.normalize('NFC'), text: text.normalize('NFC') };
  const found = Object.entries(rules).flatMap(([label, rule]) => {
    const score = scoreOf(rule, rule.in === 'both' ? `${places.title}\n\n${places.text}` : places[rule.in]);
    return score ? [{ label, ...score }] : [];
  });
  return found.toSorted((a, b) => b.keywords - a.keywords || b.times - a.times || (a.label < b.label ? -1 : 1))[0]?.label;
}

/** @returns undefined if the rule does not fit */
function scoreOf({ any = [], all = [], none = [] }: LabelRule, text: string): { readonly keywords: number; readonly times: number } | undefined {
  if (none.some((keyword) => countKeyword(keyword, text) > 0)) return undefined;
  const ofAll = all.map((keyword) => countKeyword(keyword, text));
  const ofAny = any.map((keyword) => countKeyword(keyword, text));
  if (ofAll.includes(0) || (any.length > 0 && ofAny.every((times) => times === 0))) return undefined;
  const times = [...ofAll, ...ofAny].filter((count) => count > 0);
  return { keywords: times.length, times: times.reduce((sum, count) => sum + count, 0) };
}

const countKeyword = (keyword: string, text: string): number => [...text.matchAll(patternOf(keyword))].length;

/** Written without blanks between words: there a word has no ends to look at. */
const UNSPACED = '\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}';
const STARTS_SPACED_WORD = new RegExp(`^(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}_]`, 'u');
const ENDS_SPACED_WORD = new RegExp(`(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}_]$`, 'u');
const WORD_CHARACTER = '[\\p{L}\\p{M}\\p{N}_]';

/** Whole words, whatever the blanks between them; unlike `\b`, letters of every script are letters. */
function patternOf(keyword: string): RegExp {
  const normal = keyword.normalize('NFC');
  const words = normal.split(/\s+/).map((word) => RegExp.escape(word)).join('\\s+');
  const before = STARTS_SPACED_WORD.test(normal) ? `(?<!${WORD_CHARACTER})` : '';
  const after = ENDS_SPACED_WORD.test(normal) ? `(?!${WORD_CHARACTER})` : '';
  return new RegExp(`${before}${words}${after}`, 'giu');
}
