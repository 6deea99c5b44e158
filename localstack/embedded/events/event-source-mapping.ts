import { setTimeout as wait } from 'node:timers/promises';
import type { Message } from '@aws-sdk/client-sqs';
import { Slots } from '../functions/slots.ts';
import type { QueueReader } from '../contracts.ts';
import type { Reservation } from '../functions/function-host.ts';
import type { MappingPlan } from '../template/stack-plan.ts';
import { handledMessages, sqsEvent } from './sqs-event.ts';

/** SQS: messages in one receive call. */
const RECEIVE_LIMIT = 10;
/** Delays and visibility time-outs end unannounced; this is how late they may be noticed. */
const LONGEST_REST_MS = 500;
const PAUSE_AFTER_ERROR_MS = 250;
/**
 * Lambda has no batching window for FIFO queues. A short pause between receives does on one machine what the way to SQS does on AWS:
 * messages that come close together are handled together, and each call costs the function a round of reading and writing its state.
 */
const FIFO_PAUSE_MS = 100;

export interface MappingTools {
  readonly queue: QueueReader;
  /** Waits for a free environment of the mapping's function. */
  readonly reserve: (signal: AbortSignal) => Promise<Reservation>;
  readonly log: (line: string) => void;
  /** How long an idle mapping rests before it looks again without having been woken. */
  readonly restMs?: number;
  /** How long a FIFO mapping waits before the next receive, unless the last one was full. */
  readonly fifoPauseMs?: number;
}

/**
 * Feeds one function from one queue, as Lambda does: it takes messages only when an environment is free for them. What the function has done with
 * is deleted; what it has not comes back after the visibility time-out, and the queue's own redrive policy counts its receives.
 * Order within a FIFO group is the queue's: it hands out no message of a group of which one is in flight.
 */
export class EventSourceMapping {
  readonly #plan: MappingPlan;
  readonly #tools: MappingTools;
  readonly #places: Slots;
  readonly #stopped = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #isWoken = false;
  #wakeUp: () => void = () => {};
  #loop: Promise<void> | undefined;

  constructor(plan: MappingPlan, tools: MappingTools) {
    this.#plan = plan;
    this.#tools = tools;
    this.#places = new Slots(plan.maximumConcurrency ?? Number.MAX_SAFE_INTEGER);
  }

  start(): void {
    if (this.#plan.isEnabled) this.#loop ??= this.#poll();
  }

  /** Something was sent to the queue, or became free in it. */
  wake(): void {
    this.#isWoken = true;
    this.#wakeUp();
  }

  /** Takes no more messages. @returns when the last batch is dealt with */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wakeUp();
    await this.#loop;
    await Promise.all(this.#running);
  }

  async #poll(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        if (!(await this.#takeBatch())) await this.#rest(this.#tools.restMs ?? LONGEST_REST_MS);
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        this.#tools.log(`${this.#plan.logicalId}: reading the queue failed, trying again: ${String(error)}`);
        await this.#rest(PAUSE_AFTER_ERROR_MS);
      }
    }
  }

  /** @returns false if the queue had nothing */
  async #takeBatch(): Promise<boolean> {
    const place = await this.#reserve();
    let messages: Message[] = [];
    try {
      this.#isWoken = false;
      messages = await this.#receiveBatch();
    } finally {
      if (messages.length === 0) place.release();
    }
    if (messages.length === 0) return false;
    this.#start(place, messages);
    if (this.#plan.isFifo && messages.length < this.#plan.batchSize) await this.#pause(this.#tools.fifoPauseMs ?? FIFO_PAUSE_MS);
    return true;
  }

  async #reserve(): Promise<Reservation> {
    const { signal } = this.#stopped;
    await this.#places.take(signal);
    try {
      const inner = await this.#tools.reserve(signal);
      return {
        invoke: (event) => inner.invoke(event).finally(() => this.#places.give()),
        release: () => (inner.release(), this.#places.give()),
      };
    } catch (error) {
      this.#places.give();
      throw error;
    }
  }

  /** Without a batching window: what one call gives. With one: until the batch is full or the window is over. */
  async #receiveBatch(): Promise<Message[]> {
    const { batchSize, windowSeconds } = this.#plan;
    const messages = await this.#tools.queue.receive(Math.min(batchSize, RECEIVE_LIMIT));
    if (messages.length === 0) return messages;
    const end = performance.now() + windowSeconds * 1_000;
    while (messages.length < batchSize && performance.now() < end && !this.#stopped.signal.aborted) {
      const more = await this.#tools.queue.receive(Math.min(batchSize - messages.length, RECEIVE_LIMIT));
      messages.push(...more);
      if (more.length === 0) await this.#rest(Math.min(end - performance.now(), LONGEST_REST_MS));
    }
    return messages;
  }

  #start(place: Reservation, messages: readonly Message[]): void {
    const run = this.#handle(place, messages)
      .catch((error: unknown) => this.#tools.log(`${this.#plan.logicalId}: ${String(error)}`))
      .finally(() => {
        this.#running.delete(run);
        // Deleting a message of a FIFO group sets the group's next one free.
        this.wake();
      });
    this.#running.add(run);
  }

  async #handle(place: Reservation, messages: readonly Message[]): Promise<void> {
    if (this.#stopped.signal.aborted) {
      place.release();
      return this.#tools.queue.giveBack(messages);
    }
    const answer = await place.invoke(sqsEvent(messages, this.#plan.queueArn));
    if (!answer.ok) this.#tools.log(`${this.#plan.functionName} failed: ${answer.errorType}: ${answer.errorMessage}`);
    await this.#tools.queue.delete(handledMessages(messages, answer, this.#plan.reportsItemFailures));
  }

  /** Until stopped, or `ms` later. */
  async #pause(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.#stopped.signal }).catch(() => {});
  }

  /** Until woken, stopped, or `ms` later. */
  async #rest(ms: number): Promise<void> {
    if (this.#isWoken || this.#stopped.signal.aborted || ms <= 0) return void (this.#isWoken = false);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wakeUp = () => (clearTimeout(timer), resolve());
    });
    this.#isWoken = false;
    this.#wakeUp = () => {};
  }
}
