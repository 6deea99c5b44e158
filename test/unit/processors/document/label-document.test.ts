import { describe, expect, test } from 'vitest';
import { labelDocument } from '../../../../processors/document/label-document.ts';
import { type LabelRule, optionsSchema } from '../../../../processors/document/options.ts';

type Rules = Record<string, Partial<LabelRule>>;
const parse = (labels: Rules): Record<string, LabelRule> => optionsSchema.parse({ labels }).labels!;
const label = (text: string, labels: Rules, title?: string) => labelDocument({ text, ...(title !== undefined && { title }) }, parse(labels));
/** Whether one keyword fits. */
const fits = (keyword: string, text: string): boolean => label(text, { it: { any: [keyword] } }) === 'it';

describe('a keyword', () => {
  test.each([
    ['invoice', 'Your INVOICE, please', true],
    ['invoice', 'invoices', false],
    ['invoice', 'proforma_invoice', false],
    ['invoice', '(invoice)', true],
    ['due date', 'the due\n   date is', true],
    ['due date', 'the duedate', false],
    ['größe', 'die GRÖSSE', false],
    ['größe', 'die GRÖßE', true],
    ['übung', 'Vorübung', false],
    ['ubung', 'U\u0308bung', false],
    ['übung', 'U\u0308bung', true],
    ['счёт', 'Ваш СЧЁТ №5', true],
    ['счёт', 'счёта', false],
    ['请求', '这是请求书', true],
    ['請求書', '請求書を送付します', true],
    ['ใบแจ้งหนี้', 'นี่คือใบแจ้งหนี้ของคุณ', true],
    ['C++', 'we use C++ here', true],
    ['C++', 'we use AC++ here', false],
    ['a.b', 'axb', false],
    ['2024', 'in 2024.', true],
    ['2024', '12024', false],
    ['€', '100€', true],
  ])('%j fits %j: %j', (keyword, text, isFitting) => expect(fits(keyword, text)).toBe(isFitting));
});

describe('a rule', () => {
  test.each<[string, Partial<LabelRule>, string | undefined]>([
    ['any of its words', { any: ['cat', 'dog'] }, 'it'],
    ['any, none there', { any: ['bird', 'fish'] }, undefined],
    ['all of its words', { all: ['cat', 'dog'] }, 'it'],
    ['all, one missing', { all: ['cat', 'fish'] }, undefined],
    ['none, none there', { none: ['fish'] }, 'it'],
    ['none, one there', { none: ['fish', 'dog'] }, undefined],
    ['any and none', { any: ['cat'], none: ['dog'] }, undefined],
    ['all and any', { all: ['cat'], any: ['fish'] }, undefined],
    ['in the title only', { any: ['cat'], in: 'title' }, undefined],
    ['in the title only, and there', { any: ['animals'], in: 'title' }, 'it'],
    ['in the text only', { any: ['animals'], in: 'text' }, undefined],
    ['in both', { all: ['animals', 'cat'], in: 'both' }, 'it'],
  ])('%s', (_, rule, expected) => expect(label('A cat and a dog.', { it: rule }, 'Animals')).toBe(expected));

  test('words at the end of the title and the beginning of the text are not next to each other', () => {
    expect(label('date', { it: { any: ['due-date'] } }, 'due-')).toBeUndefined();
  });
});

describe('of several labels', () => {
  test('the one with more of its words wins, wherever it stands', () => {
    const rules = { letter: { any: ['dear'] }, invoice: { any: ['invoice', 'amount due', 'vat'] } };
    const text = 'Dear Sir, dear Madam, dear all: the invoice with its amount due';
    expect(label(text, rules)).toBe('invoice');
    expect(label(text, Object.fromEntries(Object.entries(rules).toReversed()))).toBe('invoice');
  });

  test('of equally many words the more frequent win', () => expect(label('cat dog dog', { a: { any: ['cat'] }, b: { any: ['dog'] } })).toBe('b'));
  test('of equals the first by name wins', () => expect(label('cat dog', { b: { any: ['cat'] }, a: { any: ['dog'] } })).toBe('a'));
  test('one that only rules words out is the last resort', () => {
    const rules = { other: { none: ['fish'] }, pet: { any: ['cat'] } };
    expect([label('a cat', rules), label('a bird', rules), label('a fish', rules)]).toEqual(['pet', 'other', undefined]);
  });
});

test.each([
  [{ labels: { it: {} } }, 'expected keywords in `any`, `all` or `none`, got none'],
  [{ labels: { it: { any: [] } } }, 'any'],
  [{ labels: { it: { any: [' '] } } }, 'any'],
  [{ labels: { it: { some: ['x'] } } }, 'some'],
  [{ labels: { it: { any: ['x'], in: 'body' } } }, 'in'],
  [{ labels: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`l${i}`, { any: ['x'] }])) }, 'at most 100 labels'],
  [{ maxBytes: 0 }, 'maxBytes'],
  [{ maxByte: 5 }, 'maxByte'],
])('options %j are refused', (options, message) => expect(() => optionsSchema.parse(options)).toThrow(message));
