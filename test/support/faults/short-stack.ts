import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type VerifyReport, verifyRun } from '../../../cli/verify/verify-run.ts';
import { LOCAL_PARAMETERS } from '../../../localstack/deployment.ts';
import { REGION } from '../../../localstack/embedded/contracts.ts';
import { type EmbeddedStack, type StackOptions, startStack } from '../../../localstack/embedded/stack.ts';
import { findProcessor } from '../../../processors/registry.ts';
import { createDynamo } from '../../../shared/aws/clients.ts';
import { createLaneStore } from '../../../shared/aws/lane-table.ts';
import { createObjectStore } from '../../../shared/aws/object-store.ts';
import type { LaneStore } from '../../../shared/ports.ts';
import type { RunRecord } from '../../../shared/records.ts';
import { unruly } from '../../fixtures/unruly-processor.ts';
import { TargetClient } from '../target-run.ts';

export type ShortStackOptions = Pick<StackOptions, 'templateFolder' | 'workers' | 'sweepEverySeconds' | 'frontFor' | 'dataFolder'>;

/** An invocation that did not end of itself, as the stack's log has it. */
export interface Death {
  readonly functionName: string;
  readonly errorType: string;
  /** If the log says it: of a time-out it does. */
  readonly requestId?: string;
}

/** What a run of the unruly processor came to. */
export interface UnrulyRun {
  /** Names of errors by the row that asked for them. */
  readonly errors: Readonly<Record<string, string>>;
  readonly succeeded: number;
  /** How often each item was begun. */
  readonly starts: readonly number[];
  readonly journal: ReadonlyMap<string, number>;
}

/** No run is that slow, on whatever machine. */
const RUN_TIMEOUT_MS = 280_000;
const FAILED = /^(\S+) failed: ([\w.]+): (?:RequestId: (\S+))?/;

/** An embedded stack in memory, a client of it, and a journal of what items did. */
export class ShortStack implements AsyncDisposable {
  readonly stack: EmbeddedStack;
  readonly client: TargetClient;
  readonly lanes: LaneStore;
  readonly deaths: Death[];
  readonly #scratch = mkdtempSync(join(tmpdir(), 'spillway-journal-'));

  private constructor(stack: EmbeddedStack, deaths: Death[]) {
    const unused = (): Promise<undefined> => Promise.resolve(undefined);
    const { endpoint, credentials, outputs } = stack;
    this.stack = stack;
    this.deaths = deaths;
    this.lanes = createLaneStore(createDynamo({ endpoint, region: REGION, credentials }), outputs['LanesTable']!);
    this.client = new TargetClient({ name: 'embedded', endpoint, region: REGION, credentials, outputs, apiEndpoint: '', invoke: unused, stop: unused });
  }

  static async start(options: ShortStackOptions): Promise<ShortStack> {
    const deaths: Death[] = [];
    const onLog = (line: string): void => {
      const [, functionName, errorType, requestId] = FAILED.exec(line) ?? [];
      if (functionName !== undefined && errorType !== undefined) deaths.push({ functionName, errorType, ...(requestId !== undefined && { requestId }) });
    };
    return new ShortStack(await startStack({ parameters: LOCAL_PARAMETERS, sweepEverySeconds: 1, workers: 2, ...options, onLog }), deaths);
  }

  /** @param name a part of the function's name */
  readonly deathsOf = (name: string): Death[] => this.deaths.filter(({ functionName }) => functionName.includes(name));

  /** One run of the unruly processor, whose end is checked to be in order. @param onRead called at each look at the run */
  async runToEnd(name: string, rows: readonly string[], options: Readonly<Record<string, unknown>> = {}, onRead: (run: string) => void = () => {}): Promise<UnrulyRun> {
    const run = await this.submit(name, rows, options);
    const record = await this.client.waitForEnd(run, { timeoutMs: RUN_TIMEOUT_MS, onCounts: () => onRead(run) });
    const { faults } = await this.verify(record);
    if (faults.length > 0) throw new Error(`expected a run that verifies, found ${JSON.stringify(faults)}`);
    const verdicts = await this.client.readVerdicts(record);
    const journal = this.readJournal(name);
    return {
      errors: Object.fromEntries(verdicts.flatMap(({ input, error }) => (error ? [[String(input['value']), error.name]] : []))),
      succeeded: verdicts.filter(({ verdict }) => verdict === 'succeeded').length,
      starts: rows.map((_, i) => journal.get(`${i + 1} start`) ?? 0),
      journal,
    };
  }

  /** Starts a run of the unruly processor. @param rows as its `value` takes them, a line each */
  async submit(name: string, rows: readonly string[], options: Readonly<Record<string, unknown>> = {}, tenant = 'acme'): Promise<string> {
    const asked = { journal: this.#journal(name), ...options };
    return this.client.upload(`${tenant}/unruly/${name}.txt`, rows.join('\n'), { 'spillway-options': JSON.stringify(asked) });
  }

  /** Of each line that the items of this run noted: how often each event was. */
  readJournal(name: string): Map<string, number> {
    const events = readFileSync(this.#journal(name), 'utf8').split('\n').filter((line) => line !== '');
    return new Map([...Map.groupBy(events, (event) => event)].map(([event, all]) => [event, all.length]));
  }

  verify({ tenant, run }: RunRecord): Promise<VerifyReport> {
    const storeOf = (output: string) => createObjectStore(this.client.s3, this.client.output(output));
    const manifests = storeOf('ManifestsBucket');
    const processorOf = (name: string) => (name === unruly.name ? unruly : findProcessor(name));
    return verifyRun({ results: storeOf('ResultsBucket'), ledger: this.client.ledger, manifestStoreOf: () => manifests, tenant, run, processorOf });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.stop();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  readonly #journal = (name: string): string => join(this.#scratch, `${name}.journal`);
}
