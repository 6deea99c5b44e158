import { expect, it } from 'vitest';
import { findPatternFaults, matchesPattern } from '../../../../../localstack/embedded/events/event-pattern.ts';

const EVENT = { source: 'aws.s3', detail: { size: 5, key: 'acme/a.csv', tags: ['x', 'y'], gone: null } };

it.each<[string, object, boolean]>([
  ['one of the values', { source: ['other', 'aws.s3'] }, true],
  ['none of the values', { source: ['other'] }, false],
  ['every field', { source: ['aws.s3'], detail: { key: ['b'] } }, false],
  ['a nested field', { detail: { key: ['acme/a.csv'] } }, true],
  ['a nested field of something flat', { source: { deeper: ['x'] } }, false],
  ['null as a value', { detail: { gone: [null] } }, true],
  ['an absent field is not null', { detail: { absent: [null] } }, false],
  ['one element of a list', { detail: { tags: ['y'] } }, true],
  ['prefix', { detail: { key: [{ prefix: 'acme/' }] } }, true],
  ['prefix of another', { detail: { key: [{ prefix: 'b/' }] } }, false],
  ['suffix', { detail: { key: [{ suffix: '.csv' }] } }, true],
  ['exists', { detail: { key: [{ exists: true }] } }, true],
  ['exists not', { detail: { absent: [{ exists: false }] } }, true],
  ['exists not, but does', { detail: { key: [{ exists: false }] } }, false],
  ['anything but', { source: [{ 'anything-but': ['x'] }] }, true],
  ['anything but that', { source: [{ 'anything-but': 'aws.s3' }] }, false],
  ['anything but a suffix', { detail: { key: [{ 'anything-but': { suffix: '.csv' } }] } }, false],
  ['anything but, of an absent field', { detail: { absent: [{ 'anything-but': ['x'] }] } }, false],
  ['a range', { detail: { size: [{ numeric: ['>', 0, '<=', 5] }] } }, true],
  ['outside of a range', { detail: { size: [{ numeric: ['>', 0, '<', 5] }] } }, false],
  ['a number is no text', { detail: { size: ['5'] } }, false],
])('%s', (_, pattern, expected) => {
  expect(findPatternFaults(pattern)).toEqual([]);
  expect(matchesPattern({ ...pattern }, EVENT)).toBe(expected);
});

it.each<[unknown, string]>([
  [{ a: [] }, '.a'],
  [{ a: 'x' }, '.a'],
  [{ a: {} }, '.a'],
  [{ a: [{ wildcard: '*' }] }, '.a[0]'],
  [{ a: ['x', { numeric: ['~', 1] }] }, '.a[1]'],
  [{ a: [{ 'anything-but': { cidr: 'x' } }] }, '.a[0].anything-but'],
])('the pattern %j can not be acted on', (pattern, path) => {
  expect(findPatternFaults(pattern).map((fault) => fault.path)).toEqual([path]);
});
