import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../../cli/backend.ts';
import { limitsCommand, setLimitCommand, unsetLimitCommand } from '../../../../cli/commands/limits.ts';
import { EXIT } from '../../../../cli/exit-codes.ts';
import type { CommandContext } from '../../../../cli/settings.ts';
import type { LimitControl, LimitLine } from '../../../../shared/limiting/limit-control.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';

function contextOf(limits: Partial<LimitControl>, terminal = createFakeTerminal()): CommandContext & { readonly terminal: typeof terminal; stops: number } {
  const context = {
    terminal, stops: 0, tenant: 'local', backendOptions: { dataFolder: 'd', allowedNetworks: [] }, signal: new AbortController().signal,
    startBackend: async () => ({ limits, stop: async () => void context.stops++ }) as unknown as Backend,
  };
  return context;
}

const LINE: LimitLine = { key: 'host:a.example', perMinute: 104.3, burst: 1, used: 3, throttles: 0, breaker: 'closed' };

describe('spillway limits', () => {
  it('shows of each key its limit, its use and what holds it', async () => {
    const context = contextOf({});
    const now = context.terminal.now();
    const api: LimitLine = { ...LINE, key: 'api:x:requests', setting: { unit: 'requests', units: 450, windowMs: 60_000 }, share: 0.5, throttles: 2, breaker: 'half open', pausedUntil: now + 4200, waiting: 7 };
    const list = async () => [api, LINE, { key: 'tenant:acme', setting: { unit: 'requests', units: 1, windowMs: 1000 }, used: 0, throttles: 0, breaker: 'closed' } as const];
    expect(await limitsCommand({ ...context, startBackend: contextOf({ list }).startBackend })).toBe(EXIT.ok);
    expect(context.terminal.printed).toEqual([
      'key             limit                              last minute  state',
      'api:x:requests  450 requests per minute            3            breaker half open, paused for 5 s, throttled 2 times in a row, 7 batches wait, at 50 % of its rate',
      'host:a.example  104.3 a minute, burst 1 (default)  3            free',
      'tenant:acme     1 request per second               -            free',
    ]);
  });

  it('sets an api for both of its units, and says where it holds already', async () => {
    const set: unknown[] = [];
    const context = contextOf({ set: async (changes) => (set.push(...changes), ['api:x:y:tokens']) });
    expect(await setLimitCommand('api:x:y', '450 requests and 9,000 tokens per minute', context)).toBe(EXIT.ok);
    expect(set).toEqual([
      ['api:x:y:requests', { unit: 'requests', units: 450, windowMs: 60_000 }],
      ['api:x:y:tokens', { unit: 'tokens', units: 9000, windowMs: 60_000 }],
    ]);
    expect(context.terminal.printed.at(-1)).toBe('holds now for api:x:y:tokens');
    expect(context.stops).toBe(1);
  });

  it('refuses a key and a sentence before anything is started', async () => {
    const context = { ...contextOf({}), startBackend: () => Promise.reject(new Error('started')) };
    await expect(setLimitCommand('a.example', '2 requests per second', context)).rejects.toThrow('expected a key such as');
    await expect(setLimitCommand('host:a.example', 'fast', context)).rejects.toThrow('expected a limit such as');
  });

  it('unset of what is not set is wrong use', async () => {
    expect(await unsetLimitCommand('host:a.example', contextOf({ unset: async () => false }))).toBe(EXIT.wrongUse);
    const asked: string[] = [];
    expect(await unsetLimitCommand('api:x:y', contextOf({ unset: async (patterns) => (asked.push(...patterns), true) }))).toBe(EXIT.ok);
    expect(asked).toContain('api:x:y:tokens');
  });
});
