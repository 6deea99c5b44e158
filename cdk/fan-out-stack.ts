import { CfnOutput, DefaultStackSynthesizer, Stack, type App, type CfnElement, type IStackSynthesizer } from 'aws-cdk-lib';
import { tellOfAlarms } from './constructs/alarm-mail.ts';
import { deadLettersOf } from './constructs/guarded-queue.ts';
import type { HttpApi } from './constructs/http-api.ts';
import type { RunStateMachine } from './constructs/run-state-machine.ts';
import { type Foundation, layFoundation } from './foundation.ts';
import { apisPrefix } from './permissions.ts';
import { pascalCase } from './pascal-case.ts';
import { addAdmitRun } from './steps/admit-run.ts';
import { addAwaitRun } from './steps/await-run.ts';
import { addDispatchBatches } from './steps/dispatch-batches.ts';
import { addEraseRuns } from './steps/erase-runs.ts';
import { addFinishRun } from './steps/finish-run.ts';
import { addMergeResults } from './steps/merge-results.ts';
import { addPlanRun } from './steps/plan-run.ts';
import { addProcessBatch } from './steps/process-batch.ts';
import { addServeApi } from './steps/serve-api.ts';
import { addStateMachine } from './steps/state-machine.ts';
import { addSweepRuns } from './steps/sweep-runs.ts';
import type { Stage } from '../shared/stages.ts';
import type { Timings } from './timings.ts';
import { WORKER_CLASS_NAMES, workerClassesFor } from './worker-classes.ts';

export interface FanOutStackProps {
  /** Holds `<handler>/index.mjs` for every function. */
  readonly bundlesFolder: string;
  /** The state machine `run` in Amazon States Language. */
  readonly runDefinition: string;
  readonly timings: Timings;
  readonly stage?: Stage;
}

/** Everything between an uploaded manifest and its results, in the order of the way of a run. Each step, with all that it may do, is a file in `steps/`. */
export class FanOutStack extends Stack {
  constructor(scope: App, id: string, { bundlesFolder, runDefinition, timings, stage = {} }: FanOutStackProps) {
    super(scope, id, {
      env: { ...(stage.account !== undefined && { account: stage.account }), ...(stage.region !== undefined && { region: stage.region }) },
      description: 'Spillway: runs a big list of work, shared fairly, held within limits, verified to the last item.',
      // The CDK CLI looks at the bootstrap's version itself; in the template it would be a parameter that only AWS can fill.
      synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }) as IStackSynthesizer,
    });
    const foundation = layFoundation(this, { bundlesFolder, timings, workerClasses: workerClassesFor(stage.concurrency), parameters: stage.parameters ?? {} });

    // The state machine, and what it calls.
    const plan = addPlanRun(foundation);
    const awaitRun = addAwaitRun(foundation);
    const merge = addMergeResults(foundation);
    const finish = addFinishRun(foundation);
    const machine = addStateMachine(foundation, runDefinition, { plan, awaitRun, merge, finish });
    for (const step of [plan, awaitRun]) step.allow(machine.arn, 'states:SendTaskSuccess');

    // An upload starts it; batches go round between dispatcher and workers; the sweep heals.
    addAdmitRun(foundation, machine);
    addDispatchBatches(foundation);
    for (const name of WORKER_CLASS_NAMES) addProcessBatch(foundation, name, machine);
    addSweepRuns(foundation, machine);
    addEraseRuns(foundation);

    const api = addServeApi(foundation, machine, { setsLogRole: stage.setsApiLogRole ?? true });
    if (stage.alarmEmail !== undefined) tellOfAlarms(this, stage.alarmEmail);
    this.addOutputs(foundation, machine, api);
  }

  private addOutputs(foundation: Foundation, machine: RunStateMachine, api: HttpApi): void {
    const outputs = {
      ManifestsBucket: foundation.manifests.bucketName,
      UploadsBucket: foundation.uploads.bucketName,
      ResultsBucket: foundation.results.bucketName,
      ProgressTable: foundation.progress.tableName,
      LanesTable: foundation.lanes.tableName,
      LimitsTable: foundation.limits.tableName,
      TenantsTable: foundation.tenants.tableName,
      DeadLetterQueues: this.toJsonString(deadLetterQueues(foundation)),
      DispatchQueueUrl: foundation.dispatchQueue.queueUrl,
      StateMachineArn: machine.arn,
      ApisPrefix: apisPrefix(this),
      ApiUrl: api.url,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }

  /** Readable and fixed ids: the path without CDK's hash. CDK refuses two elements with one id. */
  protected override allocateLogicalId(element: CfnElement): string {
    const { scopes } = element.node;
    return scopes
      .slice(scopes.indexOf(this) + 1)
      .map((scope) => scope.node.id)
      .filter((id) => id !== 'Default' && id !== 'Resource')
      .map((id) => pascalCase(id.replace(/[^A-Za-z0-9]/g, '')))
      .join('');
  }
}

/** Name -> its URL and, if there is one, that of the queue it stands behind: what `spillway parked` looks into. */
function deadLetterQueues({ dispatchQueue, workQueues, failedEvents }: Foundation): Record<string, { url: string; source?: string }> {
  const guarded = [dispatchQueue, ...Object.values(workQueues)].map((queue) => [queue.node.scope!.node.id, { url: deadLettersOf(queue).queueUrl, source: queue.queueUrl }] as const);
  return { ...Object.fromEntries(guarded), FailedEvents: { url: failedEvents.queueUrl } };
}
