import * as fc from 'fast-check';

/** What somebody may send who means harm, or knows no better. Made from seeds: small files say less than these lines. */

export const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];

const HOSTILE_TEXTS = [
  '', ' ', '\0', 'a\0b', '\ufeff', '\ufffe', '\ufffd', '\ud800', '\udfff\ud800', '\u2028', '\u202e', '=cmd|\' /C calc\'!A0', '@SUM(1+1)', '+1', '-1', '"', '""', '"""', '\'', '\\', '\\u0000',
  'NaN', 'Infinity', '-0', '1e999', '9007199254740993', '0x10', 'null', 'undefined', 'true', '../../etc/passwd', 'file:///etc/passwd', 'http://[::1', 'http://a.example:99999/', 'javascript:alert(1)',
  '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset>&b;</urlset>', '{"$ref":"#"}', '[[[[', '}}}}', ',,,,', ';;;;', '\t\t', '\r', '\n\r', '\u0085', 'x'.repeat(5000),
];

export const hostileText = fc.oneof(fc.constantFrom(...HOSTILE_TEXTS), fc.string({ unit: 'binary', maxLength: 30 }), fc.constantFrom(...PROTOTYPE_KEYS));

/** JSON as text, so that it can say what a value can't: keys twice, numbers out of range, half a character, deep nesting, a missing end. */
export const hostileJson: fc.Arbitrary<string> = fc.letrec<{ json: string; object: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    hostileText.map((text) => JSON.stringify(text)),
    fc.constantFrom('1e999', '-1e999', '0.1', '12345678901234567890', '-0', '01', 'NaN', 'null', 'true', '[]', '{}', '"\\ud800"', '"\\u0000"'),
    fc.array(tie('json'), { maxLength: 4 }).map((values) => `[${values.join(',')}]`),
    tie('object'),
    fc.integer({ min: 1, max: 3000 }).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
    fc.integer({ min: 1, max: 3000 }).map((depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)),
  ),
  object: fc.array(fc.tuple(fc.oneof(hostileText, fc.constantFrom('url', 'value', 'id', 'expand', 'v', 'type', 'run', 'shard')), tie('json')), { maxLength: 6 }).map(
    (fields) => `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`,
  ),
})).json;

/** Cuts, doubles or spoils a text at one place. */
export const spoilt = (texts: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(texts, fc.nat(), fc.constantFrom('cut', 'double', 'insert', 'leave'), hostileText).map(([text, n, how, insert]) => {
    const at = text.length === 0 ? 0 : n % (text.length + 1);
    if (how === 'cut') return text.slice(0, at);
    if (how === 'double') return text + text.slice(at);
    return how === 'insert' ? text.slice(0, at) + insert + text.slice(at) : text;
  });

/** The names that any object has from its prototype: one more than at the start of a test is a pollution. */
export const inheritedNames = (): string[] => {
  const names: string[] = [];
  // eslint-disable-next-line guard-for-in -- what is inherited is the question
  for (const name in {}) names.push(name);
  return [...names, ...Object.getOwnPropertyNames(Object.prototype), ...Object.getOwnPropertyNames(Array.prototype)];
};
