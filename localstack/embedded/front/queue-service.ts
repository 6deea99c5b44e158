import { setTimeout as wait } from 'node:timers/promises';
import type { Message, MessageAttributeValue } from '@aws-sdk/client-sqs';
import { ACCOUNT, REGION, type QueueDefinition, type QueueReader } from '../contracts.ts';
import type { Exchange } from './exchange.ts';
import type { FauxqsApp } from './fauxqs-app.ts';
import { queuesByUrl, type Queue, type QueueStore, type ReceivedMessage, type ReceiveMessage } from './fauxqs-parts.ts';
import type { ResourceCall } from './object-request.ts';
import { sendJson } from './wire-answers.ts';

/** SQS: longest poll. */
const MAX_WAIT_SECONDS = 20;
/** Returned FIFO messages come back at the head of their group; more than this were never in flight together. */
const DISORDER_WINDOW = 64;

type Input = Readonly<Record<string, unknown>>;

interface SqsFault {
  readonly statusCode: number;
  readonly queryErrorHeader: string;
  toJSON(): unknown;
}

/** SQS over fauxqs, with receives of our own: whole FIFO groups in order, and nothing handed to a client that is gone. */
export class QueueService {
  readonly #store: QueueStore;
  readonly #app: FauxqsApp;
  readonly #receiveMessage: ReceiveMessage;

  constructor(parts: { readonly store: QueueStore; readonly app: FauxqsApp; readonly receiveMessage: ReceiveMessage }) {
    this.#store = parts.store;
    this.#app = parts.app;
    this.#receiveMessage = parts.receiveMessage;
    // Without a host of its own fauxqs builds queue URLs from the request's Host header, which resolves.
    this.#store.host = '';
  }

  createQueue(definition: QueueDefinition, endpoint: string): { readonly url: string; readonly arn: string } {
    const { name, attributes } = definition;
    const arn = queueArn(name);
    const known = this.#store.getQueueByArn(arn);
    if (known === undefined) this.#store.createQueue(name, `${endpoint}/${ACCOUNT}/${name}`, arn, { ...attributes });
    else known.setAttributes({ ...attributes });
    return { url: `${endpoint}/${ACCOUNT}/${name}`, arn };
  }

  /** After a restart nobody holds a message any more, and the port may be another. */
  resume(endpoint: string): void {
    const queues = queuesByUrl(this.#store);
    const known = Array.from(queues.values());
    queues.clear();
    for (const queue of known) {
      Object.assign(queue, { url: `${endpoint}/${ACCOUNT}/${queue.name}` });
      queues.set(queue.url, queue);
      for (const handle of queue.inflightMessages.keys()) queue.changeVisibility(handle, 0);
    }
  }

  async handle(exchange: Exchange, input: Input): Promise<void> {
    const { request, response } = exchange;
    const action = String(request.headers['x-amz-target'] ?? '').replace('AmazonSQS.', '');
    exchange.report([{ action: `sqs:${action.replace(/Batch$/, '')}`, resource: resourceOf(input) }]);
    if (action === 'ReceiveMessage') return this.#receive(exchange, input);
    request.url = '/';
    request.headers['content-type'] = 'application/x-amz-json-1.0';
    this.#app.dispatch(request, response, input);
  }

  /** @param report is told of each call as if it had come over the wire */
  openReader(name: string, report: (calls: readonly ResourceCall[]) => void): QueueReader {
    const resource = queueArn(name);
    const queue = this.#store.getQueueByArn(resource);
    if (queue === undefined) throw new RangeError(`expected a queue that exists, got ${name}`);
    const reportCall = (action: string): void => report([{ action: `sqs:${action}`, resource }]);
    return {
      receive: async (limit) => {
        const messages = await this.#take(queue, { QueueUrl: queue.url, MaxNumberOfMessages: limit, WaitTimeSeconds: 0, MessageSystemAttributeNames: ['All'], MessageAttributeNames: ['All'] });
        reportCall('ReceiveMessage');
        return messages.map(messageOfWire);
      },
      delete: async (messages) => {
        for (const message of messages) queue.deleteMessage(message.ReceiptHandle!);
        if (messages.length > 0) reportCall('DeleteMessage');
      },
      giveBack: async (messages) => {
        for (const message of messages) queue.changeVisibility(message.ReceiptHandle!, 0);
        if (messages.length > 0) reportCall('ChangeMessageVisibility');
      },
    };
  }

  async #receive({ response }: Exchange, input: Input): Promise<void> {
    try {
      const messages = await this.#pollUntilGone(response, input);
      if (response.destroyed) return this.#putBack(input, messages);
      // An answer that never left is no delivery.
      response.once('close', () => {
        if (!response.writableFinished) this.#putBack(input, messages);
      });
      sendJson(response, 200, messages.length > 0 ? { Messages: messages } : {});
    } catch (error) {
      if (!isSqsFault(error)) throw error;
      sendJson(response, error.statusCode, error.toJSON(), { 'x-amzn-query-error': error.queryErrorHeader });
    }
  }

  async #pollUntilGone(response: Exchange['response'], input: Input): Promise<readonly ReceivedMessage[]> {
    const queue = this.#queueOf(input);
    const waitSeconds = Number(input['WaitTimeSeconds'] ?? queue?.attributes['ReceiveMessageWaitTimeSeconds'] ?? 0);
    const deadline = performance.now() + waitSeconds * 1000;
    for (;;) {
      const messages = await this.#take(queue, input);
      const leftMs = deadline - performance.now();
      if (messages.length > 0 || queue === undefined || leftMs <= 0) return messages;
      await waitForMessages(queue, leftMs, response);
      if (response.destroyed) return [];
    }
  }

  async #take(queue: Queue | undefined, input: Input): Promise<readonly ReceivedMessage[]> {
    // An input that fauxqs refuses, refused by fauxqs.
    const waitSeconds = Number(input['WaitTimeSeconds'] ?? 0);
    const now = waitSeconds >= 0 && waitSeconds <= MAX_WAIT_SECONDS ? { ...input, WaitTimeSeconds: 0 } : input;
    if (queue?.isFifo() === true) return this.#takeGroups(queue, now);
    return (await this.#receiveMessage(now, this.#store)).Messages ?? [];
  }

  /** fauxqs hands out one message a group and call; SQS up to ten, in order. */
  async #takeGroups(queue: Queue, input: Input): Promise<readonly ReceivedMessage[]> {
    const wanted = Number(input['MaxNumberOfMessages'] ?? 1);
    const taken: ReceivedMessage[] = [];
    const held = new Map<string, number>();
    queue.processTimers();
    sortGroups(queue);
    for (;;) {
      for (const group of held.keys()) queue.fifoLockedGroups.delete(group);
      const { Messages: more = [] } = await this.#receiveMessage({ ...input, MaxNumberOfMessages: wanted - taken.length }, this.#store);
      for (const message of more) {
        const group = queue.inflightMessages.get(message.ReceiptHandle)?.message.messageGroupId ?? '';
        held.set(group, (held.get(group) ?? 0) + 1);
      }
      for (const [group, count] of held) queue.fifoLockedGroups.set(group, count);
      taken.push(...more);
      if (more.length === 0 || taken.length >= wanted) return taken;
    }
  }

  #putBack(input: Input, messages: readonly ReceivedMessage[]): void {
    const queue = this.#queueOf(input);
    for (const message of messages) queue?.changeVisibility(message.ReceiptHandle, 0);
  }

  #queueOf(input: Input): Queue | undefined {
    return typeof input['QueueUrl'] === 'string' ? this.#store.getQueue(input['QueueUrl']) : undefined;
  }
}

/** On the wire bytes are base64; the SDK makes bytes of them. */
function messageOfWire(wire: ReceivedMessage): Message {
  const message = wire as Message & { readonly MessageAttributes?: Readonly<Record<string, WireAttribute>> };
  if (message.MessageAttributes === undefined) return message;
  const attributes = Object.entries(message.MessageAttributes).map(([name, { BinaryValue: text, ...rest }]): [string, MessageAttributeValue] => [
    name,
    text === undefined ? rest : { ...rest, BinaryValue: Buffer.from(text, 'base64') },
  ]);
  return { ...message, MessageAttributes: Object.fromEntries(attributes) };
}

type WireAttribute = Omit<MessageAttributeValue, 'BinaryValue'> & { readonly BinaryValue?: string };

/** Resolves when messages may be there, the time is over or the client is gone. */
async function waitForMessages(queue: Queue, leftMs: number, response: Exchange['response']): Promise<void> {
  const gone = new AbortController();
  const onClose = (): void => gone.abort();
  response.once('close', onClose);
  try {
    await Promise.race([queue.waitForMessages(leftMs / 1000), wait(leftMs, undefined, { signal: gone.signal }).catch(() => {})]);
  } finally {
    response.off('close', onClose);
    gone.abort();
  }
}

function sortGroups(queue: Queue): void {
  for (const group of queue.fifoMessages.values()) {
    const head = group.slice(0, DISORDER_WINDOW);
    const isSorted = head.every((message, index) => index === 0 || sequenceOf(head[index - 1]) <= sequenceOf(message));
    if (!isSorted) group.sort((one, other) => (sequenceOf(one) < sequenceOf(other) ? -1 : 1));
  }
}

function sequenceOf(message: { readonly sequenceNumber?: string } | undefined): string {
  return message?.sequenceNumber ?? '';
}

function queueArn(name: string): string {
  return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
}

function resourceOf(input: Input): string {
  const name = typeof input['QueueUrl'] === 'string' ? input['QueueUrl'].split('/').at(-1) : input['QueueName'];
  return typeof name === 'string' ? queueArn(name) : '*';
}

function isSqsFault(error: unknown): error is SqsFault {
  return error instanceof Error && 'statusCode' in error && 'queryErrorHeader' in error;
}
