import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countWords, readHtml } from '../../../examples/custom-processor/count-words.ts';
import { wordCount } from '../../../examples/custom-processor/processor.ts';
import { workItems } from '../../../lambdas/process-batch/work-items.ts';
import type { PageAnswer, PageFetcher, PageRequest } from '../../../shared/http/page-fetcher.ts';
import type { JsonObject, ResultRow } from '../../../shared/rows.ts';
import { NO_APIS_CONFIGURED, UNLIMITED_CALLS } from '../../../shared/limiting/unlimited.ts';
import { NO_UPLOADS } from '../../../shared/uploads.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');
const options = wordCount.optionsSchema.parse({});
const noFetch: PageFetcher = () => Promise.reject(new Error('no fetch in this test'));

const aPage = (body: string, mediaType = 'text/html'): PageAnswer => ({
  kind: 'page',
  url: 'https://example.com/',
  status: 200,
  mediaType,
  headers: {},
  body: Buffer.from(body),
  text: () => body,
});

/** From the row to its verdict, as planner and worker do it. */
async function run(rows: readonly JsonObject[], { fetchPage = noFetch, given = {} }: { fetchPage?: PageFetcher; given?: object } = {}) {
  const chosen = wordCount.optionsSchema.parse(given);
  const items = rows.map((fields, ordinal) => {
    const reading = wordCount.readRow(fields, chosen);
    if (reading.kind !== 'item') throw new Error(`expected an item, got ${JSON.stringify(reading)}`);
    return { ordinal, item: { line: ordinal + 1, input: reading.input } };
  });
  return workItems(items, { processor: wordCount, options: chosen, fetchPage, callApi: NO_APIS_CONFIGURED, limiter: UNLIMITED_CALLS, readUpload: NO_UPLOADS, clock: () => NOW, startedAt: NOW, stopAt: NOW + 600_000, sleep: async () => undefined, random: () => 0, retries: 0 });
}

describe('readRow', () => {
  test('reads a text as it stands, and an address in its one spelling with its host as limit key', () => {
    expect(wordCount.readRow({ text: 'Two words' }, options)).toEqual({ kind: 'item', input: { text: 'Two words' }, equalityKey: 'text:Two words' });
    expect(wordCount.readRow({ text: ' HTTPS://Example.com:443/a#b ' }, options)).toEqual({
      kind: 'item',
      input: { url: 'https://example.com/a' },
      equalityKey: 'url:https://example.com/a',
      limitKey: 'host:example.com',
    });
  });

  test.each([[{}], [{ text: '  ' }], [{ text: 5 }], [{ text: 'https://' }], [{ text: 'https://user:secret@example.com/' }]])('calls %j invalid and says what was expected', (fields) => {
    expect(wordCount.readRow(fields, options)).toMatchObject({ kind: 'invalid', reason: expect.stringMatching(/^expected /) });
  });

  test('gives two rows one key exactly if they are the same text or the same address', () => {
    const value = fc.oneof(fc.constantFrom('a', 'b', 'https://example.com', 'https://example.com/', 'https://example.com/#x', 'https://example.com/y'), fc.webUrl());
    const keyOf = (text: string) => {
      const reading = wordCount.readRow({ text }, options);
      return reading.kind === 'item' ? reading.equalityKey : undefined;
    };
    const sameThing = (one: string, other: string) => {
      const [a, b] = [one, other].map((text) => (URL.canParse(text) ? Object.assign(new URL(text), { hash: '' }).href : text));
      return a === b;
    };
    fc.assert(fc.property(value, value, (one, other) => {
      expect(keyOf(one) === keyOf(other)).toBe(sameThing(one, other));
    }));
  });

  test('unknown options and options out of bounds are refused', () => {
    for (const wrong of [{ speed: 3 }, { wordsPerMinute: 0 }, { wordsPerMinute: 2001 }, { minWords: -1 }]) {
      expect(wordCount.optionsSchema.safeParse(wrong).success).toBe(false);
    }
  });
});

describe('a worker', () => {
  test('counts texts without fetching anything', async () => {
    const { rows, left } = await run([{ text: 'The heron, on the weir.' }, { text: '水門を開く' }]);
    expect(left).toEqual([]);
    expect(rows[0]).toMatchObject({ line: 1, verdict: 'succeeded', output: { words: 5, links: 0, readingMinutes: 1 } });
    const japanese = rows[1]!;
    expect(japanese.verdict === 'succeeded' && japanese.output['words']).toBe(3);
  });

  test('counts what a reader sees of a page, and asks only for text', async () => {
    const html = '<html><head><title>No</title><style>p{}</style></head><body><h1>Gate</h1><p>opens <b>slow</b>ly</p><script>var no</script><a href="/x">more</a><a>none</a></body></html>';
    const asked: PageRequest[] = [];
    const { rows } = await run([{ text: 'https://example.com/' }], {
      fetchPage: async (request) => {
        asked.push(request);
        return aPage(html);
      },
    });
    expect(rows[0]).toMatchObject({ verdict: 'succeeded', output: { words: 4, links: 1, readingMinutes: 1 } });
    expect(asked).toMatchObject([{ url: 'https://example.com/', mediaTypes: expect.arrayContaining(['text/html', 'text/plain']), maxBodyBytes: 2 * 1024 * 1024 }]);
  });

  test('counts a plain text with angle brackets as it stands', async () => {
    const { rows } = await run([{ text: 'https://example.com/a.txt' }], { fetchPage: async () => aPage('if a <b then c> d', 'text/plain') });
    expect(rows[0]).toMatchObject({ verdict: 'succeeded', output: { words: 6, links: 0 } });
  });

  test('gives each end of a fetch its verdict, and leaves a held item over', async () => {
    const error = { name: 'HttpStatusError', message: 'expected 200, got 404', retryable: false };
    const answers: Record<string, PageAnswer> = {
      '/held': { kind: 'held', until: NOW + 5000 },
      '/secret': { kind: 'disallowed' },
      '/gone': { kind: 'failed', error },
    };
    const { rows, left, held } = await run([{ text: 'https://example.com/held' }, { text: 'https://example.com/secret' }, { text: 'https://example.com/gone' }, { text: 'fine' }], {
      fetchPage: async ({ url }) => answers[new URL(url).pathname]!,
    });
    expect(rows.map(({ line, verdict }) => [line, verdict])).toEqual([[2, 'skipped'], [3, 'failed'], [4, 'succeeded']]);
    expect(rows[0]).toMatchObject({ reason: 'robots' });
    expect(rows[1]).toMatchObject({ error });
    expect({ left, held }).toEqual({ left: [0], held: { until: NOW + 5000 } });
  });

  test('skips what is shorter than the option asks for', async () => {
    const { rows } = await run([{ text: 'one two' }, { text: 'one two three' }], { given: { minWords: 3 } });
    expect(rows).toMatchObject([{ verdict: 'skipped', reason: 'fewer than 3 words' }, { verdict: 'succeeded' }]);
  });
});

describe('counting', () => {
  test('a text made of n words counts n, whatever stands between them', () => {
    const word = fc.stringMatching(/^[a-z]{1,12}$/);
    const gap = fc.constantFrom(' ', '\n', ', ', ' - ', '\t', '! ');
    fc.assert(
      fc.property(fc.array(fc.tuple(word, gap)), fc.integer({ min: 1, max: 2000 }), (pairs, wordsPerMinute) => {
        const { words, readingMinutes } = countWords(pairs.flat().join(''), { links: 0, wordsPerMinute });
        expect(words).toBe(pairs.length);
        expect(readingMinutes * wordsPerMinute).toBeGreaterThanOrEqual(words);
        expect((readingMinutes - 1) * wordsPerMinute).toBeLessThan(Math.max(words, 1));
      }),
    );
  });

  test.each([
    ['a fragment without a body', '<p>one</p><p>two</p>', ['one', 'two']],
    ['neighbouring cells', '<body><table><tr><td>one</td><td>two</td></tr></table></body>', ['one', 'two']],
    ['character references', '<body>caf&eacute; &amp; bar</body>', ['café', '&', 'bar']],
    ['plain words', 'just words', ['just', 'words']],
    ['nothing', '', []],
  ])('reads %s', (_, html, expected) => {
    expect(readHtml(html).text.split(/\s+/).filter(Boolean)).toEqual(expected);
  });
});

describe('merge', () => {
  const aRow = (line: number, words: number, id?: string): ResultRow => ({
    line,
    ...(id !== undefined && { id }),
    input: { text: `text "${line}"` },
    attempts: 1,
    startedAt: '2026-06-01T12:00:00.000Z',
    durationMs: 1,
    verdict: 'succeeded',
    output: { words, links: 1, readingMinutes: 1 },
  });
  const failed: ResultRow = { line: 99, input: { text: 'x' }, attempts: 1, startedAt: '2026-06-01T12:00:00.000Z', durationMs: 1, verdict: 'failed', error: { name: 'X', message: '', retryable: false } };

  async function merge(rows: readonly ResultRow[]): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    await wordCount.merge!({
      run: 'r',
      options,
      totals: { rows: rows.length, invalid: 0, items: rows.length, duplicates: 0, shards: 1 },
      async *rows() {
        yield* rows;
      },
      output: {
        async write(path, body) {
          files[path] = Buffer.from(body).toString();
        },
        async writeStream(path, chunks) {
          files[path] = '';
          for await (const chunk of chunks) files[path] += Buffer.from(chunk).toString();
        },
      },
    });
    return files;
  }

  test('writes a line for each counted row and the sums; rows with another verdict count nothing', async () => {
    const files = await merge([aRow(1, 10), failed, aRow(2, 30, 'a "b"')]);
    expect(files['words.csv']).toBe('line,name,words,links,reading_minutes\n1,"text ""1""",10,1,1\n2,"a ""b""",30,1,1\n');
    expect(JSON.parse(files['words.json']!)).toEqual({
      items: 2,
      words: 40,
      links: 2,
      readingMinutes: 2,
      longest: [
        { line: 2, name: 'a "b"', words: 30 },
        { line: 1, name: 'text "1"', words: 10 },
      ],
    });
  });

  test('the sums and the ten longest are the same in any order of the rows', async () => {
    const rows = fc.uniqueArray(fc.record({ line: fc.integer({ min: 1, max: 200 }), words: fc.nat(5) }), { selector: ({ line }) => line, maxLength: 30 });
    const shuffled = rows.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    await fc.assert(
      fc.asyncProperty(shuffled, async ([list, other]) => {
        const [one, another] = await Promise.all([list, other].map((entries) => merge(entries.map(({ line, words }) => aRow(line, words)))));
        expect(one!['words.json']).toBe(another!['words.json']);
        const longest = list.toSorted((a, b) => b.words - a.words || a.line - b.line).slice(0, 10);
        expect((JSON.parse(one!['words.json']!) as { longest: object[] }).longest).toMatchObject(longest);
      }),
    );
  });
});
