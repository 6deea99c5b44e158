import type { Mutation } from './mutation.ts';

const TAGS = 'shared/fairness/tags.ts';
const QUEUE = 'shared/fairness/class-queue.ts';
const noticedBy = ['test/property/fair-shares.test.ts'];

/** Start-time fair queueing. */
export const FAIRNESS_MUTATIONS: readonly Mutation[] = [
  { rule: 'virtual-time', does: 'a lane back from idle, cap or pause keeps its old finish tag', file: TAGS, edits: [{ text: '(away ? Math.max(f, v) : f)', instead: '(away && v < 0 ? v : f)' }], noticedBy },
  { rule: 'busy-clip', does: 'also a lane that never left begins at virtual time: a downward correction is lost', file: TAGS, edits: [{ text: '(away ? Math.max(f, v) : f)', instead: '(away ? Math.max(f, v) : Math.max(f, v))' }, { text: 'tag.f += difference / weight;', instead: 'tag.f += Math.max(0, difference) / weight;' }], noticedBy },
  { rule: 'weights', does: 'the cost is not divided by the weight', file: TAGS, edits: [{ text: 'tag.f = start + cost / weight;', instead: 'tag.f = start + cost / Math.min(1, weight);' }], noticedBy },
  { rule: 'corrections', does: 'a real cost that differs from the estimate changes nothing', file: TAGS, edits: [{ text: 'tag.f += difference / weight;', instead: 'tag.f += (0 * difference) / weight;' }], noticedBy },
  { rule: 'start-tag', does: 'the first lane that has work is served, whatever its tag', file: QUEUE, edits: [{ text: '(!best || startTag(place.share, v) < startTag(best.share, v))', instead: '(!best || startTag(place.share, v) < -Infinity)' }], noticedBy },
  { rule: 'group-rule', does: 'inside a lane the first group that has work goes first', file: QUEUE, edits: [{ text: '(startOf(b) < startOf(a) ? b : a)', instead: '(startOf(b) < -Infinity ? b : a)' }], noticedBy },
  { rule: 'round', does: 'a group may have any number of items in a round', file: QUEUE, edits: [{ text: 'served === 0 || served + items <= (settings?.maxPerGroupRound ?? Infinity)', instead: 'served + items <= (settings?.maxPerGroupRound === -1 ? 0 : Infinity)' }], noticedBy },
  { rule: 'cap', does: 'a tenant may have any number of batches in flight', file: QUEUE, edits: [{ text: 'this.#flights.ofTenant(tenant) < (settings?.maxInFlight ?? Infinity)', instead: 'this.#flights.ofTenant(tenant) < (settings?.maxInFlight ? Infinity : Infinity)' }], noticedBy },
  { rule: 'priority-inside', does: 'runs go in the order of their arrival', file: QUEUE, edits: [{ text: "if ((run.priority ?? 'normal') === level)", instead: "if (level === 'urgent' || run.priority === level)" }], noticedBy },
  { rule: 'limit-waits', does: 'a batch is sent although its limit is used up', file: 'shared/fairness/contended-limits.ts', edits: [{ text: 'limit !== undefined && (limit.until > now ||', instead: 'limit !== undefined && (limit.until > now + Infinity ||' }], noticedBy },
];
