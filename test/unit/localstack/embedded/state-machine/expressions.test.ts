import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileChoiceRule } from '../../../../../localstack/embedded/state-machine/choice-rule.ts';
import { compileExpression } from '../../../../../localstack/embedded/state-machine/intrinsics.ts';
import type { Json } from '../../../../../localstack/embedded/state-machine/json.ts';
import { compilePath, findAt, putAt } from '../../../../../localstack/embedded/state-machine/json-path.ts';
import { compileTemplate } from '../../../../../localstack/embedded/state-machine/payload-template.ts';

const scope = (input: Json, context: Json = {}) => ({ input, context });
const at = (path: string, input: Json) => findAt(compilePath(path), scope(input));

describe('JSONPath', () => {
  it.each([
    ['$', { a: 1 }, { a: 1 }],
    ['$.a.b-c', { a: { 'b-c': 2 } }, 2],
    ["$['a b'][1].c", { 'a b': [0, { c: 3 }] }, 3],
    ['$.a', {}, undefined],
    ['$.constructor', {}, undefined],
    ['$[0]', 'text', undefined],
  ])('%s of %j is %j', (path, input, expected) => {
    expect(at(path, input)).toEqual(expected);
  });

  it.each(['', 'a', '$..a', '$.*', '$.a[*]', '$.a[?(@.b)]', '$.a[0:2]', '$.a[-1]', '$.', '$a'])('%j is refused', (path) => {
    expect(() => compilePath(path)).toThrow(/^expected /);
  });

  it('what was put at a path is found there, and the input is as before', () => {
    const names = fc.array(fc.stringMatching(/^[a-z_]\w{0,5}$/), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(names, fc.jsonValue(), fc.dictionary(fc.stringMatching(/^[A-Z]\w{0,3}$/), fc.jsonValue()), (segments, value, input) => {
        const path = compilePath(`$.${segments.join('.')}`);
        const before = JSON.stringify(input);
        const after = putAt(path, input as Json, value as Json);
        expect(findAt(path, scope(after))).toEqual(value);
        expect(JSON.stringify(input)).toBe(before);
        // Through JSON on both sides: it has no negative zero.
        expect(JSON.parse(JSON.stringify(after))).toMatchObject(JSON.parse(before) as object);
      }),
    );
  });

  it('putting into something that is no object is a ResultPathMatchFailure', () => {
    expect(() => putAt(compilePath('$.a.b'), { a: 1 }, 2)).toThrow(expect.objectContaining({ error: 'States.ResultPathMatchFailure' }));
  });
});

describe('intrinsic functions', () => {
  const input = { name: 'World', n: 3, list: [1, 2], nested: { a: 1, b: { c: 1 } }, other: { b: { d: 2 } } };
  it.each<[string, unknown]>([
    ["States.Format('Hello, {}: {}', $.name, $.n)", 'Hello, World: 3'],
    ["States.Format('It\\'s \\{\\} {}', $.list)", "It's {} [1,2]"],
    ["States.StringToJson('{\"a\":1}')", { a: 1 }],
    ['States.JsonToString($.nested)', '{"a":1,"b":{"c":1}}'],
    ["States.Array($.n, 'x', null, true, -1.5)", [3, 'x', null, true, -1.5]],
    ['States.Array()', []],
    ['States.ArrayLength($.list)', 2],
    ['States.ArrayGetItem($.list, 1)', 2],
    ['States.MathAdd($.n, -5)', -2],
    ["States.Hash('x', 'SHA-256')", createHash('sha256').update('x').digest('hex')],
    ['States.JsonMerge($.nested, $.other, false)', { a: 1, b: { d: 2 } }],
    ["States.Format('{}', States.MathAdd(1, States.ArrayLength($.list)))", '3'],
    ['$$.Execution.Name', 'me'],
  ])('%s', (source, expected) => {
    expect(compileExpression(source)(scope(input, { Execution: { Name: 'me' } }))).toEqual(expected);
  });

  it.each(['States.Nope()', 'States.Format(', "States.Format('a') b", 'States.MathAdd(1)', 'States.Array(1,)', 'hello', 'States.Base64Encode($.a)', "States.Format('{}', $..a)"])('%s is refused before it runs', (source) => {
    expect(() => compileExpression(source)).toThrow(/^expected /);
  });

  it.each(["States.Format('{}')", "States.StringToJson('{')", "States.ArrayLength('x')", 'States.ArrayGetItem($.list, 9)', "States.Hash('x', 'CRC')", 'States.JsonMerge($.nested, $.other, true)'])('%s fails as an intrinsic when it runs', (source) => {
    expect(() => compileExpression(source)(scope(input))).toThrow(expect.objectContaining({ error: 'States.IntrinsicFailure' }));
  });

  it('Format puts any texts where its holes are', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (texts) => {
        const source = `States.Format('${texts.map(() => '{}').join('|')}', ${texts.map((_, index) => `$[${index}]`).join(', ')})`;
        expect(compileExpression(source)(scope(texts))).toBe(texts.join('|'));
      }),
    );
  });
});

describe('payload templates', () => {
  it('evaluate fields that end in .$ at every depth and leave the rest alone', () => {
    const template = compileTemplate({ 'a.$': '$.x', b: [{ 'c.$': '$$.y' }, '$.x'], d: null });
    expect(template(scope({ x: 1 }, { y: 2 }))).toEqual({ a: 1, b: [{ c: 2 }, '$.x'], d: null });
  });

  it('a field that leads nowhere is a runtime error', () => {
    expect(() => compileTemplate({ 'a.$': '$.x' })(scope({}))).toThrow(expect.objectContaining({ error: 'States.Runtime' }));
  });

  it('one name given twice is refused', () => {
    expect(() => compileTemplate({ a: 1, 'a.$': '$.x' })).toThrow('expected one field "a"');
  });
});

describe('choice rules', () => {
  const input = { s: 'b', n: 2, t: '2026-01-01T00:00:00Z', f: false, z: null, m: 'log-1.txt' };
  it.each<[Record<string, unknown>, boolean]>([
    [{ Variable: '$.s', StringEquals: 'b' }, true],
    [{ Variable: '$.s', StringLessThan: 'b' }, false],
    [{ Variable: '$.n', StringEquals: '2' }, false],
    [{ Variable: '$.n', NumericGreaterThanEquals: 2 }, true],
    [{ Variable: '$.n', NumericLessThanPath: '$.n' }, false],
    [{ Variable: '$.t', TimestampLessThan: '2026-01-01T01:00:00+00:30' }, true],
    [{ Variable: '$.f', BooleanEquals: false }, true],
    [{ Variable: '$.m', StringMatches: 'log-*.txt' }, true],
    [{ Variable: '$.m', StringMatches: 'log-\\*.txt' }, false],
    [{ Variable: '$.z', IsNull: true }, true],
    [{ Variable: '$.x', IsPresent: false }, true],
    [{ Variable: '$.t', IsTimestamp: true }, true],
    [{ Not: { Variable: '$.n', IsNumeric: true } }, false],
    [{ And: [{ Variable: '$.x', IsPresent: true }, { Variable: '$.x', NumericEquals: 1 }] }, false],
    [{ Or: [{ Variable: '$.n', NumericEquals: 1 }, { Variable: '$.n', NumericEquals: 2 }] }, true],
  ])('%j is %s', (rule, expected) => {
    expect(compileChoiceRule(rule)(scope(input))).toBe(expected);
  });

  it('a variable that is not there fails every test but IsPresent', () => {
    expect(() => compileChoiceRule({ Variable: '$.x', NumericEquals: 1 })(scope(input))).toThrow(expect.objectContaining({ error: 'States.Runtime' }));
  });

  it.each([{}, { Variable: '$.a' }, { Variable: '$.a', Equals: 1 }, { Variable: '$.a', StringEquals: 1 }, { Variable: '$.a', IsNull: true, IsString: true }, { StringEquals: 'a' }, { And: [] }, { Variable: '$.a', BooleanLessThan: true }])('%j is refused', (rule) => {
    expect(() => compileChoiceRule(rule)).toThrow(/^expected /);
  });
});
