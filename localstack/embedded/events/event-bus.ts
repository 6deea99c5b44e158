import { randomUUID } from 'node:crypto';
import { ACCOUNT, REGION, type EventBridgeEvent } from '../contracts.ts';
import type { RulePlan } from '../template/stack-plan.ts';
import { matchesPattern } from './event-pattern.ts';

export interface EventBusTools {
  /** Hands an event to a function; never rejects. @returns whether it is dealt with */
  readonly deliver: (functionName: string, event: unknown, ruleArn: string) => Promise<boolean>;
  readonly now: () => Date;
  /** Instead of the period of every schedule. */
  readonly periodSeconds?: number | undefined;
}

/** The default bus: rules by pattern, and rules by schedule. */
export class EventBus {
  readonly #rules: readonly RulePlan[];
  readonly #tools: EventBusTools;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(rules: readonly RulePlan[], tools: EventBusTools) {
    this.#rules = rules.filter(({ isEnabled }) => isEnabled);
    this.#tools = tools;
  }

  /** @returns whether every target of every rule has dealt with it */
  async put(event: EventBridgeEvent): Promise<boolean> {
    const rules = this.#rules.filter(({ pattern }) => pattern !== undefined && matchesPattern(pattern, event));
    const answers = await Promise.all(rules.map((rule) => this.#fire(rule, event)));
    return answers.every(Boolean);
  }

  /** Schedules fire for the first time after one period. */
  startSchedules(): void {
    for (const rule of this.#rules) if (rule.periodSeconds !== undefined) this.#timers.push(this.#schedule(rule, rule.periodSeconds));
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  #schedule(rule: RulePlan, ownSeconds: number): NodeJS.Timeout {
    let isBusy = false;
    const fire = async (): Promise<void> => {
      // One laptop has few environments: firings that could only queue up are left out.
      if (isBusy) return;
      isBusy = true;
      await this.#fire(rule, this.#scheduledEvent(rule));
      isBusy = false;
    };
    return setInterval(() => void fire(), (this.#tools.periodSeconds ?? ownSeconds) * 1_000);
  }

  async #fire(rule: RulePlan, event: EventBridgeEvent): Promise<boolean> {
    const answers = await Promise.all(rule.targets.map(({ functionName, input }) => this.#tools.deliver(functionName, input === undefined ? event : JSON.parse(input), rule.arn)));
    return answers.every(Boolean);
  }

  #scheduledEvent(rule: RulePlan): EventBridgeEvent {
    const time = this.#tools.now().toISOString().replace(/\.\d+Z$/, 'Z');
    return { version: '0', id: randomUUID(), 'detail-type': 'Scheduled Event', source: 'aws.events', account: ACCOUNT, time, region: REGION, resources: [rule.arn], detail: {} };
  }
}
