import { describe, expect, it } from 'vitest';
import { optionsSchema } from '../../../../processors/generate/options.ts';
import { generate } from '../../../../processors/generate/processor.ts';
import { fillIn, variablesIn } from '../../../../processors/generate/template.ts';

const options = (given: object) => optionsSchema.parse({ model: 'm1', ...given });

describe('a template', () => {
  it('names each variable once, in the order in which they come', () => {
    expect(variablesIn('{{ topic }} for {{audience}}: {{topic}} {not} {{1no}} {{größe_2}}')).toEqual(['topic', 'audience', 'größe_2']);
  });

  it('is filled in once: what a value holds is never a placeholder again', () => {
    expect(fillIn('{{a}} and {{b}}', { a: '{{b}}', b: '$& {{a}}' })).toBe('{{b}} and $& {{a}}');
  });

  it('joins lists, and writes nothing for what is missing', () => {
    expect(fillIn('[{{tags}}] {{n}} {{none}}.', { tags: ['x', 'y'], n: 3 })).toBe('[x, y] 3 .');
  });
});

describe('a row', () => {
  it('becomes its variables, in the order of the options; other columns are left out', () => {
    const reading = generate.readRow({ words: '800', topic: 'Weirs', site: 'x' }, options({ template: '{{topic}} {{words}}', variables: { topic: { type: 'string' }, words: { type: 'integer' } } }));
    expect(reading).toEqual({ kind: 'item', input: { topic: 'Weirs', words: 800 }, limitKey: 'api:openai:m1:requests' });
  });

  it('gets the defaults of the variables that it lacks', () => {
    const reading = generate.readRow({ topic: 'Weirs' }, options({ template: '{{topic}} {{tone}}', variables: { topic: { type: 'string' }, tone: { type: 'string', default: 'plain' } } }));
    expect(reading).toMatchObject({ kind: 'item', input: { topic: 'Weirs', tone: 'plain' } });
  });

  it('is read again from its own input as the same item', () => {
    const given = options({ template: '{{topic}} {{tags}}', variables: { topic: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } } });
    const first = generate.readRow({ topic: 'Weirs', tags: 'one' }, given);
    expect(first).toMatchObject({ input: { tags: ['one'] } });
    expect(first.kind === 'item' && generate.readRow(first.input, given)).toEqual(first);
  });

  it.each([
    [{ words: 'many', topic: 'x' }, '/words: must be integer'],
    [{ words: '10' }, "must have required property 'topic'"],
    [{ words: '10', topic: '' }, "must have required property 'topic'"],
  ])('%j is invalid and says why', (fields, reason) => {
    const reading = generate.readRow(fields, options({ template: '{{topic}} {{words}}', variables: { topic: { type: 'string' }, words: { type: 'integer' } } }));
    expect(reading).toEqual({ kind: 'invalid', reason: expect.stringContaining(reason) });
  });

  it('without variables in the options needs each of the templates', () => {
    expect(generate.readRow({ input: 'Hello' }, options({}))).toMatchObject({ kind: 'item', input: { input: 'Hello' } });
    expect(generate.readRow({ other: 'Hello' }, options({}))).toMatchObject({ kind: 'invalid' });
  });
});

describe('options', () => {
  it.each([
    [{ template: '{{topic}} {{who}}', variables: { topic: { type: 'string' } } }, 'missing who'],
    [{ schema: { type: 'object', properties: { a: { type: 'strng' } } } }, 'expected a JSON Schema'],
    [{ schema: { type: 'object', propertys: {} } }, 'unknown keyword: "propertys"'],
    [{ schema: { type: 'string' } }, 'expected `"type": "object"`'],
    [{ schema: { type: 'object', properties: { a: { $ref: 'https://example.com/x' } } } }, "can't resolve reference"],
    [{ model: 'a b' }, 'without spaces'],
    [{ api: 'https://evil.example' }, 'such as openai'],
    [{ baseUrl: 'https://evil.example' }, 'baseUrl'],
  ])('%j are refused: %s', (given, reason) => {
    const parsed = optionsSchema.safeParse({ model: 'm1', ...given });
    expect(parsed.error?.issues.map(({ message }) => message).join()).toContain(reason);
  });
});
