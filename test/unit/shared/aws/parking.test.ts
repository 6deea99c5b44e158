import type { SendMessageCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import { createParking } from '../../../../shared/aws/parking.ts';

const MIB = 1024 * 1024;
const message = { messageId: '0b1c', body: '{"v":2}', source: 'Spillway-Work', reason: 'v: expected 1', time: '2026-01-01T00:00:00.000Z' };

function park(changes: Partial<typeof message>, parkedUrl = 'http://q/Work-DeadLetters') {
  const inputs: SendMessageCommandInput[] = [];
  const sqs = { send: async ({ input }: { input: SendMessageCommandInput }) => void inputs.push(input) } as unknown as SQSClient;
  return createParking(sqs, { sourceUrl: 'http://q/Work', parkedUrl }).park({ ...message, ...changes }).then(() => inputs[0]!);
}

const textOf = (input: SendMessageCommandInput, name: string) => input.MessageAttributes?.[name]?.StringValue;

it('keeps the body as it is and what is known of it as attributes', async () => {
  const input = await park({});
  expect(input).toMatchObject({ QueueUrl: 'http://q/Work-DeadLetters', MessageBody: '{"v":2}' });
  expect(input).not.toHaveProperty('MessageGroupId');
  for (const name of ['source', 'reason', 'time', 'messageId'] as const) expect(textOf(input, name)).toBe(message[name]);
});

it('gives a FIFO queue a group of its own for each message, and its id against doubling', async () => {
  expect(await park({}, 'http://q/Dead.fifo')).toMatchObject({ MessageGroupId: '0b1c', MessageDeduplicationId: '0b1c' });
});

it('makes any reason one that SQS takes: some, short, and of its characters', async () => {
  expect(textOf(await park({ reason: '' }), 'reason')).toBe('not said');
  expect(textOf(await park({ reason: 'got \u0000 and \ud800 and \uffff' }), 'reason')).toBe('got \ufffd and \ufffd and \ufffd');
  expect(textOf(await park({ reason: 'x'.repeat(100_000) }), 'reason')).toHaveLength(500);
});

it('would rather keep a body whole than labelled, when both are more than SQS takes', async () => {
  const fits = 'x'.repeat(MIB - 1000);
  expect(textOf(await park({ body: fits }), 'reason')).toBe('v: expected 1');
  const full = await park({ body: 'x'.repeat(MIB - 10) });
  expect(full.MessageBody).toHaveLength(MIB - 10);
  expect(full).not.toHaveProperty('MessageAttributes');
});
