import { beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendOptions } from '../../../../cli/backend.ts';
import { dropCommand, parkedCommand, resendCommand } from '../../../../cli/commands/parked.ts';
import type { CommandContext } from '../../../../cli/settings.ts';
import type { DeadLetter } from '../../../../shared/ports.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';

const upload = { time: '2026-01-01T00:00:00Z', detail: { bucket: { name: 'm' }, object: { key: `acme/noop/${'long'.repeat(100)}.txt`, size: 3, etag: 'e', 'version-id': 'v' } } };

const LETTERS: readonly DeadLetter[] = [
  { id: 'bb-1', queue: 'StandardWork', hasSource: true, body: `{"v":2,\u001b[2J ${'x'.repeat(1000)}`, reason: 'v: expected 1, got \u001b[31m2', time: '2026-01-02T00:00:00.000Z' },
  { id: 'ab-2', queue: 'Dispatch', hasSource: true, body: '{', reason: 'expected JSON', time: '2026-01-01T00:00:00.000Z' },
  { id: 'ab-3', queue: 'FailedEvents', hasSource: false, body: JSON.stringify(upload), reason: 'the ledger did not answer', time: '2026-01-03T00:00:00.000Z' },
  { id: 'dd-4', queue: 'FailedEvents', hasSource: false, body: '{"detail-type":"Scheduled Event"}', reason: 'Sandbox.Timedout', time: '2026-01-04T00:00:00.000Z' },
];

let lying: DeadLetter[];
let sentBack: string[];
let admitted: unknown[];
let started: BackendOptions[];
let stops: number;
beforeEach(() => {
  lying = [...LETTERS];
  sentBack = [];
  admitted = [];
  started = [];
  stops = 0;
});

function contextOf(terminal = createFakeTerminal(), unseen: Record<string, number> = {}): CommandContext & { terminal: typeof terminal } {
  const backend = {
    deadLetters: {
      visit: async (see: (letter: DeadLetter) => Promise<'keep' | 'remove'>) => {
        for (const letter of lying) if ((await see(letter)) === 'remove') lying = lying.filter(({ id }) => id !== letter.id);
        return unseen;
      },
      sendBack: async ({ id }: DeadLetter) => void sentBack.push(id),
    },
    admit: async (event: unknown) => void admitted.push(event),
    stop: async () => void stops++,
  } as unknown as Backend;
  const startBackend = async (options: BackendOptions) => (started.push(options), backend);
  return { terminal, tenant: 'local', backendOptions: { dataFolder: 'd', allowedNetworks: [] }, startBackend, signal: new AbortController().signal };
}

const ids = () => lying.map(({ id }) => id);

describe('spillway parked', () => {
  it('says of each message, oldest first, where it lies, since when, why, what it says and how to go on', async () => {
    const context = contextOf(undefined, { Dispatch: 7 });
    expect(await parkedCommand(context)).toBe(0);
    const text = context.terminal.printed.join('\n');
    expect([...text.matchAll(/^(\S+-\d)  (\w+)  2026/gm)].map(([, id, queue]) => [id, queue])).toEqual([['ab-2', 'Dispatch'], ['bb-1', 'StandardWork'], ['ab-3', 'FailedEvents'], ['dd-4', 'FailedEvents']]);
    expect(text).toContain('reason  expected JSON');
    expect(text).toContain('spillway parked resend ab-2');
    expect(text).toContain('spillway parked resend ab-3 makes the upload a run');
    expect(text).not.toContain('resend dd-4');
    expect(text).toContain('Dispatch holds about 7 more');
    expect(lying).toEqual(LETTERS);
    expect([started[0]!.isReadOnly, stops]).toEqual([true, 1]);
  });

  it('cuts what is long, and lets no control character of a stranger reach the terminal', async () => {
    const context = contextOf();
    await parkedCommand(context);
    // eslint-disable-next-line no-control-regex
    for (const line of context.terminal.printed) expect(line).not.toMatch(/[\u0000-\u001f]/);
    expect(Math.max(...context.terminal.printed.map((line) => line.length))).toBeLessThan(400);
  });

  it('says that nothing is parked', async () => {
    lying = [];
    const context = contextOf();
    await parkedCommand(context);
    expect(context.terminal.printed).toEqual(['nothing is parked']);
  });

  it('is one JSON document with --json', async () => {
    const context = contextOf(createFakeTerminal({ isJson: true }));
    await parkedCommand(context);
    const { messages } = JSON.parse(context.terminal.printed.join('')) as { messages: { id: string; route: string }[] };
    expect(messages.map(({ id, route }) => [id, route])).toEqual([['ab-2', 'queue'], ['bb-1', 'queue'], ['ab-3', 'upload'], ['dd-4', 'none']]);
  });
});

describe('spillway parked resend', () => {
  it('gives one message, named by its first characters, back to its queue', async () => {
    expect(await resendCommand('bb', {}, contextOf())).toBe(0);
    expect([sentBack, ids()]).toEqual([['bb-1'], ['ab-2', 'ab-3', 'dd-4']]);
    expect(started[0]!.isReadOnly).toBeUndefined();
  });

  it('makes the upload of a failed event a run', async () => {
    await resendCommand('ab-3', {}, contextOf());
    expect([admitted, ids()]).toEqual([[upload], ['bb-1', 'ab-2', 'dd-4']]);
  });

  it('with --all leaves what can only be dropped, and answers 1', async () => {
    const context = contextOf();
    expect(await resendCommand(undefined, { all: true }, context)).toBe(1);
    expect([sentBack, admitted.length, ids()]).toEqual([['bb-1', 'ab-2'], 1, ['dd-4']]);
    expect(context.terminal.printed.join('\n')).toContain('dd-4');
  });

  it('takes no message out before it is sent', async () => {
    const context = contextOf();
    const broken = async (options: BackendOptions) => ({ ...(await context.startBackend(options)), admit: () => Promise.reject(new Error('no ledger')) });
    await expect(resendCommand('ab-3', {}, { ...context, startBackend: broken })).rejects.toThrow('no ledger');
    expect(ids()).toContain('ab-3');
    expect(stops).toBe(1);
  });
});

describe('spillway parked drop', () => {
  it('deletes one message, or with --all --yes every one', async () => {
    await dropCommand('dd-4', {}, contextOf());
    expect(ids()).toEqual(['bb-1', 'ab-2', 'ab-3']);
    expect(await dropCommand(undefined, { all: true, yes: true }, contextOf())).toBe(0);
    expect(ids()).toEqual([]);
  });

  it.each([
    ['an id that names two', 'ab', {}, /one message, but 2 ids begin with ab/],
    ['an id that names none', 'zz', {}, /among the dead letters, got zz/],
    ['neither an id nor --all', undefined, {}, /an id or --all|id or --all/],
    ['an id and --all', 'ab', { all: true }, /id or --all/],
    ['--all without --yes', undefined, { all: true }, /expected --yes with --all/],
  ] as const)('deletes nothing for %s', async (_, id, options, message) => {
    await expect(dropCommand(id, options, contextOf())).rejects.toThrow(message);
    expect(lying).toEqual(LETTERS);
  });
});
