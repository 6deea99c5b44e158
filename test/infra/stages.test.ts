import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { writeAssembly } from '../../cdk/assemble.ts';
import { type NamedStage, readStage } from '../../cdk/read-stage.ts';
import { WORKER_CLASSES, workerClassesFor } from '../../cdk/worker-classes.ts';
import { findStage } from '../../shared/stages.ts';
import { PROJECT_FOLDER, readTemplate, type Resource, resourcesOf, type Template } from '../support/synthesised-stack.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'spillway-stages-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function synthesiseStage(stage: NamedStage): Template {
  const folder = mkdtempSync(join(scratch, `${stage.name}-`));
  writeAssembly(folder, { sourceRoot: PROJECT_FOLDER, bundlesFolder: inject('synthesis').bundlesFolder, stage });
  return JSON.parse(readFileSync(join(folder, `Spillway-${stage.name}.template.json`), 'utf8')) as Template;
}

/** Properties with which a resource takes a name that is one in an account and Region; API Gateway allows two APIs of one name, people do not. */
const NAMING = /^(?:\w*Name|Path)$/;
/** They name a part of the stack's own resource, something of AWS's, or what an event is about. */
const NOT_OF_THE_ACCOUNT = new Set(['AttributeName', 'StageName', 'MetricName', 'FunctionName', 'PolicyName', 'ParameterName']);

/** `Type: property = value` of every name that is fixed by the template. */
const fixedNames = (template: Template): string[] =>
  Object.values(template.Resources).flatMap(({ Type, Properties = {} }: Omit<Resource, 'Properties'> & { Properties?: Resource['Properties'] }) =>
    Object.entries(Properties)
      .filter(([name, value]) => NAMING.test(name) && !NOT_OF_THE_ACCOUNT.has(name) && typeof value === 'string')
      .map(([name, value]) => `${Type}: ${name} = ${String(value)}`),
  );

const variablesOf = (template: Template): Record<string, unknown>[] =>
  resourcesOf(template, 'AWS::Lambda::Function').map(([, { Properties }]) => (Properties['Environment'] as { Variables: Record<string, unknown> }).Variables);

describe('two stages in one account and Region', () => {
  let [test, prod]: [Template, Template] = [{ Parameters: {}, Resources: {}, Outputs: {} }, { Parameters: {}, Resources: {}, Outputs: {} }];
  beforeAll(() => {
    [test, prod] = [synthesiseStage({ name: 'test', region: 'eu-central-1', account: '123456789012' }), synthesiseStage({ name: 'prod', region: 'eu-central-1', account: '123456789012' })];
  });

  it('share no name, nor one with the stack without a stage', () => {
    const names = [test, prod, readTemplate()].map(fixedNames);
    expect(names.map((list) => list.length)).toEqual([1, 1, 1]);
    expect(new Set(names.flat()).size).toBe(3);
  });

  it('export nothing: outputs are read by stack', () => {
    for (const { Outputs } of [test, prod]) expect(Object.values(Outputs).filter((output) => 'Export' in output)).toEqual([]);
  });

  it('keep APIs, and their figures, apart', () => {
    for (const [template, name] of [[test, 'Spillway-test'], [prod, 'Spillway-prod']] as const) {
      expect(new Set(variablesOf(template).map((variables) => variables['POWERTOOLS_METRICS_NAMESPACE']))).toEqual(new Set([name]));
      expect(template.Outputs['ApisPrefix']!.Value).toBe(`/${name}/apis/`);
      expect(template.Resources['LaneDriftAlarm']!.Properties['Namespace']).toBe(name);
    }
  });

  it("leave the account's log role usable, whichever goes first", () => {
    for (const { Resources } of [test, prod]) for (const id of ['ApiAccount', 'ApiLogRole']) expect(Resources[id]!.DeletionPolicy, id).toBe('Retain');
  });

  it('have the same resources as the stack without a stage', () => {
    const types = ({ Resources }: Template) => Object.values(Resources).map(({ Type }) => Type).sort();
    expect(types(prod)).toEqual(types(readTemplate()));
  });
});

describe('a stage', () => {
  it('sets parameters for good: what it does not name stays a parameter', () => {
    const template = synthesiseStage({ name: 'slow', parameters: { HostRequestsPerSecond: 0.5, LogLevel: 'WARN', AllowedNetworks: '10.0.0.0/8' } });
    expect(Object.keys(template.Parameters)).toEqual(['HostConnections']);
    const fetching = variablesOf(template).find((variables) => 'WORKER_CLASS' in variables)!;
    expect(fetching).toMatchObject({ HOST_REQUESTS_PER_SECOND: '0.5', LOG_LEVEL: 'WARN', ALLOWED_NETWORKS: '10.0.0.0/8', HOST_CONNECTIONS: { Ref: 'HostConnections' } });
  });

  it('of an account with 10 executions at once has 2 workers a class, and windows that fit', () => {
    const template = synthesiseStage({ name: 'new', concurrency: 10 });
    const scaling = resourcesOf(template, 'AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => (Properties['ScalingConfig'] as { MaximumConcurrency?: number } | undefined)?.MaximumConcurrency);
    expect(scaling.filter((workers) => workers !== undefined)).toEqual([2, 2, 2, 2]);
    const windows = variablesOf(template).find((variables) => 'WINDOWS' in variables)!['WINDOWS'] as string;
    expect(JSON.parse(windows)).toEqual({ standard: 4, api: 4, web: 4, document: 4 });
  });

  it('mails every alarm, if it has an address', () => {
    const template = synthesiseStage({ name: 'told', alarmEmail: 'ops@example.com' });
    expect(resourcesOf(template, 'AWS::SNS::Subscription').map(([, { Properties }]) => Properties['Endpoint'])).toEqual(['ops@example.com']);
    for (const [id, { Properties }] of resourcesOf(template, 'AWS::CloudWatch::Alarm')) expect(Properties['AlarmActions'], id).toEqual([{ Ref: 'Alarms' }]);
  });

  it("leaves the account's log role alone, if it says so", () => {
    const { Resources } = synthesiseStage({ name: 'second', setsApiLogRole: false });
    expect(Object.keys(Resources).filter((id) => ['ApiAccount', 'ApiLogRole'].includes(id))).toEqual([]);
  });
});

describe('no function has reserved concurrency, and', () => {
  it.each([10, 11, 25, 50, 100, 1_000, 3_000])('of %i executions the workers leave a tenth, and at least 2, to the others', (concurrency) => {
    const workers = Object.values(workerClassesFor(concurrency)).map(({ maximumConcurrency }) => maximumConcurrency);
    expect(Math.min(...workers)).toBeGreaterThanOrEqual(2);
    expect(workers.reduce((sum, each) => sum + each)).toBeLessThanOrEqual(concurrency - Math.max(2, concurrency / 10));
  });

  it('the stack without a stage has the figures of its classes', () => {
    expect(workerClassesFor()).toBe(WORKER_CLASSES);
    const functions = resourcesOf(readTemplate(), 'AWS::Lambda::Function');
    expect(functions.filter(([, { Properties }]) => 'ReservedConcurrentExecutions' in Properties)).toEqual([]);
  });
});

describe('which stage it is', () => {
  it('comes from the context of the CDK, then from SPILLWAY_STAGE; without either there is none', () => {
    writeFileSync(join(scratch, 'stages.json'), JSON.stringify({ stages: { test: { concurrency: 20 }, prod: {} } }));
    expect(readStage(scratch, { CDK_CONTEXT_JSON: '{"stage":"test"}', SPILLWAY_STAGE: 'prod' })).toEqual({ name: 'test', concurrency: 20 });
    expect(readStage(scratch, { SPILLWAY_STAGE: 'prod' })).toEqual({ name: 'prod' });
    expect(readStage(scratch, { CDK_CONTEXT_JSON: '{}' })).toBeUndefined();
  });

  it('is refused when the file does not have it', () => {
    expect(() => readStage(scratch, { SPILLWAY_STAGE: 'other' })).toThrow('expected a stage of stages.json (test, prod), got other');
  });
});

it('the example in the documentation is valid', () => {
  const text = readFileSync(join(PROJECT_FOLDER, 'docs', 'deploying.md'), 'utf8');
  const [, example] = /```json\n([\s\S]*?)```/.exec(text)!;
  for (const name of Object.keys((JSON.parse(example!) as { stages: object }).stages)) expect(() => findStage(example, name)).not.toThrow();
});
