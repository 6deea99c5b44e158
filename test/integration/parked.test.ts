import { randomUUID } from 'node:crypto';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../cli/backend.ts';
import { dropCommand, parkedCommand, resendCommand } from '../../cli/commands/parked.ts';
import type { CommandContext } from '../../cli/settings.ts';
import { createSqs } from '../../shared/aws/clients.ts';
import { createDeadLetters, type DeadLetterQueues } from '../../shared/aws/dead-letters.ts';
import { createFakeTerminal } from '../support/fake-terminal.ts';
import { TargetClient } from '../support/target-run.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

let target: Target;
let client: TargetClient;
let sqs: SQSClient;
let queues: DeadLetterQueues;
/** A stack that was there before may hold other letters. */
const MARK = `test-${randomUUID()}`;

beforeAll(async () => {
  target = await startTarget();
  client = new TargetClient(target);
  sqs = createSqs({ endpoint: target.endpoint, region: target.region, credentials: target.credentials });
  queues = JSON.parse(client.output('DeadLetterQueues')) as DeadLetterQueues;
});
afterAll(async () => {
  sqs?.destroy();
  await target?.stop();
});

const contextOf = (isJson = true): CommandContext & { terminal: ReturnType<typeof createFakeTerminal> } => {
  const backend = { deadLetters: createDeadLetters(sqs, queues, randomUUID), stop: async () => undefined } as unknown as Backend;
  return { terminal: createFakeTerminal({ isJson }), tenant: 'local', backendOptions: { dataFolder: '', allowedNetworks: [] }, startBackend: async () => backend, signal: new AbortController().signal };
};

interface Listed {
  readonly id: string;
  readonly queue: string;
  readonly reason: string;
  readonly time: string;
  readonly body: string;
}

/** The letters of this test, as the command lists them. */
async function list(): Promise<Listed[]> {
  const context = contextOf();
  await parkedCommand(context);
  const { messages } = JSON.parse(context.terminal.printed.join('')) as { messages: Listed[] };
  return messages.filter(({ body }) => body.includes(MARK));
}

const send = (queue: string, body: string) =>
  sqs.send(new SendMessageCommand({ QueueUrl: queues[queue]!.source!, MessageBody: body, ...(queue === 'Dispatch' && { MessageGroupId: 'dispatch', MessageDeduplicationId: randomUUID() }) }));

describe('messages that nobody can read', () => {
  const nobody = `r${'z'.repeat(25)}`;

  it('are parked with their reason, and a run goes on behind them', async () => {
    await send('Dispatch', `{ "half": "${MARK}`);
    await send('Dispatch', JSON.stringify({ v: 2, type: 'open', mark: MARK }));
    await send('StandardWork', `not JSON ${MARK}`);
    // A good message in every respect, but its run does not exist.
    await send('StandardWork', JSON.stringify({ v: 1, run: nobody, shard: 0, batch: 0, q: 0 }).replace('{', `{${' '.repeat(3)}`));
    const run = await client.upload(`acme/noop/${MARK}.txt`, Array.from({ length: 60 }, (_, i) => `row ${i}`).join('\n'), { 'spillway-options': '{"itemsPerBatch":7}' });
    expect(await client.waitForEnd(run)).toMatchObject({ state: 'finished' });
    await expect.poll(list, { timeout: 60_000, interval: 500 }).toHaveLength(3);
    const letters = await list();
    expect(letters.map(({ queue }) => queue).sort()).toEqual(['Dispatch', 'Dispatch', 'StandardWork']);
    for (const { reason, time } of letters) {
      expect(reason).toMatch(/^(?:expected JSON: |.*v: |.*mark)/);
      expect(Math.abs(Date.now() - Date.parse(time))).toBeLessThan(600_000);
    }
    const context = contextOf(false);
    await parkedCommand(context);
    expect(context.terminal.printed.join('\n')).toMatch(new RegExp(`expected a record of run ${nobody} in the ledger, found none`));
  });

  it('can be sent again, which parks them again, and dropped', async () => {
    const [first] = await list();
    const context = contextOf();
    expect(await resendCommand(first!.id, {}, context)).toBe(0);
    await expect.poll(async () => (await list()).map(({ id, body }) => id !== first!.id && body === first!.body), { timeout: 60_000, interval: 500 }).toContain(true);
    const letters = await list();
    expect(letters).toHaveLength(3);
    expect(letters.map(({ id }) => id)).not.toContain(first!.id);
    for (const { id } of letters) expect(await dropCommand(id, {}, contextOf())).toBe(0);
    expect(await list()).toEqual([]);
  });
});

it('an event that is none ends among the failed events, and can only be dropped', async () => {
  await expect(target.invoke('AdmitRun', { note: MARK })).rejects.toThrow(/PayloadError.*expected another payload/s);
  await sqs.send(new SendMessageCommand({ QueueUrl: queues['FailedEvents']!.url, MessageBody: JSON.stringify({ note: MARK }) }));
  const [event] = await list();
  expect(await resendCommand(event!.id, {}, contextOf())).toBe(1);
  expect(await dropCommand(event!.id, {}, contextOf())).toBe(0);
  expect(await list()).toEqual([]);
});
