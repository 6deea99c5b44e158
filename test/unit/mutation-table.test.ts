import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mutate } from '../mutation/mutation.ts';
import { MUTATIONS } from '../mutation/mutations.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const named = MUTATIONS.map((mutation) => [`${mutation.rule}: ${mutation.does}`, mutation] as const);

/** What `--break` of the executable model takes out. */
const RULES_OF_THE_MODEL = {
  protocol: [
    'claim', 'alive-first', 'settle-condition', 'part-first', 'mark-absolute', 'poison-twice', 'careful-settle', 'done-set', 'sweep-done', 'sweep-ack', 'sweep-heal', 'heal-slots', 'lanes-condition',
    'state-then-send', 'report-names-q', 'plan-frozen', 'shard-if-absent', 'cancel-condition', 'cancel-repeated', 'await-retry', 'await-current', 'await-order', 'open-first', 'open-last',
    'finish-idempotent', 'tombstone',
  ],
  credits: ['hold-once', 'settle-once', 'tombstone', 'balance-check', 'sweep-heals', 'end-bars', 'hold-limit', 'hold-first', 'budget-exact'],
  fairness: ['virtual-time', 'start-tag', 'weights', 'corrections', 'busy-clip', 'priority-inside', 'group-rule'],
  limits: ['condition', 'unit-starts', 'start-late', 'guarded-refund', 'refund-burst', 'rate-rescale', 'recheck-gen', 'retry-gen', 'rate-keeps-pause', 'future-refd', 'pair-exact', 'retry-tat', 'partial-refund'],
};

describe('the table of mutations', () => {
  it('takes out every rule of the model that the product has', () => {
    const missing = Object.values(RULES_OF_THE_MODEL).flat().filter((rule) => !MUTATIONS.some((mutation) => mutation.rule === rule));
    expect(missing).toEqual([]);
  });

  it.each(named)('%s: its text stands in the source', (_, mutation) => {
    const source = read(mutation.file);
    expect(mutate(source, mutation)).not.toBe(source);
  });

  it.each(named)('%s: the tests that must notice are there, and named by the rule', (_, { rule, noticedBy }) => {
    expect(noticedBy.length).toBeGreaterThan(0);
    for (const file of noticedBy) {
      expect(existsSync(new URL(file, ROOT))).toBe(true);
      expect(read(file)).toContain(`it('${rule}: `);
    }
  });

  it('refuses a text that the source has not, or has twice', () => {
    const mutation = { rule: 'r', does: '', file: 'f', edits: [{ text: 'a', instead: 'b' }], noticedBy: [] };
    expect(mutate('cat', mutation)).toBe('cbt');
    for (const source of ['cut', 'caat']) expect(() => mutate(source, mutation)).toThrow(/exactly once/);
  });
});
