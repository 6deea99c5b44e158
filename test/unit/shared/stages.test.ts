import { describe, expect, it } from 'vitest';
import { findStage, stackNameOf } from '../../../shared/stages.ts';

const withStage = (stage: object, name = 'prod'): string => JSON.stringify({ stages: { [name]: stage } });

describe('a stage of stages.json', () => {
  it('has what the file says of it', () => {
    const stage = { account: '123456789012', region: 'eu-central-1', concurrency: 10, alarmEmail: 'ops@example.com', setsApiLogRole: false, parameters: { HostRequestsPerSecond: 0.5, LogLevel: 'WARN' } };
    expect(findStage(withStage(stage), 'prod')).toEqual(stage);
  });

  it('may say nothing', () => {
    expect(findStage(withStage({}), 'prod')).toEqual({});
  });

  it.each<[string, object, RegExp]>([
    ['an account that is a number', { account: 123_456_789_012 }, /^stages\.json: stages\.prod\.account: .*string/],
    ['an account of 11 digits', { account: '12345678901' }, /stages\.prod\.account: expected the 12 digits/],
    ['something that is no Region', { region: 'Frankfurt' }, /stages\.prod\.region: expected a Region such as eu-central-1/],
    ['fewer executions than four classes need', { concurrency: 9 }, /stages\.prod\.concurrency: .*10/],
    ['an address that is none', { alarmEmail: 'ops' }, /stages\.prod\.alarmEmail: /],
    ['a setting that is not known', { regoin: 'eu-central-1' }, /stages\.prod: .*regoin/],
    ['a parameter that is not known', { parameters: { HostRate: 2 } }, /stages\.prod\.parameters: .*HostRate/],
    ['a parameter out of its bounds', { parameters: { HostConnections: 0 } }, /stages\.prod\.parameters\.HostConnections: /],
  ])('is refused with its place: %s', (_, stage, message) => {
    expect(() => findStage(withStage(stage), 'prod')).toThrow(message);
  });

  it('is refused with every fault at once', () => {
    expect(() => findStage(withStage({ region: 'x', concurrency: 1 }), 'prod')).toThrow(/stages\.prod\.region: .*; stages\.prod\.concurrency: /);
  });

  it.each(['Prod', '1st', 'a_b', 'a'.repeat(31)])('may not be called %s', (name) => {
    expect(() => findStage(withStage({}, name), name)).toThrow(/expected the name of a stage/);
  });

  it('that the file does not have is told beside those that it has', () => {
    expect(() => findStage(withStage({}), 'test')).toThrow('expected a stage of stages.json (prod), got test');
    expect(() => findStage(withStage({}), 'constructor')).toThrow('got constructor');
    expect(() => findStage(undefined, 'test')).toThrow('there is no such file');
    expect(() => findStage('{', 'test')).toThrow('stages.json: expected JSON');
  });
});

it('the stack without a stage keeps its name', () => {
  expect(stackNameOf()).toBe('Spillway');
  expect(stackNameOf('prod')).toBe('Spillway-prod');
});
