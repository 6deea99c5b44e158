import { ACCOUNT, REGION } from '../contracts.ts';
import { Evaluator, NO_VALUE, referencesIn } from './evaluate.ts';
import type { FaultList } from './faults.ts';
import { isRecord, listOf, recordOf, type JsonRecord } from './json.ts';
import { settleParameters } from './parameters.ts';
import { physicalName } from './physical-names.ts';
import { checkProperties } from './property-rules.ts';
import { RESOURCE_TYPES, type Identity } from './resource-types.ts';

export interface ResolvedResource {
  readonly logicalId: string;
  readonly type: string;
  /** Physical name: deterministic, valid for its service. */
  readonly name: string;
  readonly ref: string;
  readonly properties: JsonRecord;
}

export interface ResolvedTemplate {
  /** What a resource refers to comes before it. */
  readonly resources: readonly ResolvedResource[];
  readonly outputs: Readonly<Record<string, string>>;
}

export interface ResolveOptions {
  readonly stackName: string;
  readonly template: JsonRecord;
  readonly parameters: Readonly<Record<string, string>>;
  /** A queue's URL, which is what Ref of a queue gives. */
  readonly queueUrl: (queueName: string) => string;
}

const SECTIONS = new Set(['AWSTemplateFormatVersion', 'Description', 'Metadata', 'Parameters', 'Mappings', 'Conditions', 'Resources', 'Outputs', 'Rules']);
const RESOURCE_KEYS = new Set(['Type', 'Properties', 'DependsOn', 'Condition', 'Metadata', 'DeletionPolicy', 'UpdateReplacePolicy']);

/** Resolves a template wholly, without doing anything yet. All that is wrong with it goes to `faults`. */
export function resolveTemplate(options: ResolveOptions, faults: FaultList): ResolvedTemplate {
  return new TemplateResolver(options, faults).resolve();
}

class TemplateResolver {
  readonly #options: ResolveOptions;
  readonly #faults: FaultList;
  readonly #evaluator: Evaluator;
  readonly #parameters: ReadonlyMap<string, unknown>;
  readonly #conditions: JsonRecord;
  readonly #declared: ReadonlyMap<string, JsonRecord>;
  readonly #pseudo: ReadonlyMap<string, unknown>;
  readonly #identities = new Map<string, Identity>();

  constructor(options: ResolveOptions, faults: FaultList) {
    const { template, stackName, parameters } = options;
    this.#options = options;
    this.#faults = faults;
    for (const section of Object.keys(template)) if (!SECTIONS.has(section)) faults.add(section, 'this section is not known offline');
    this.#parameters = settleParameters(template, parameters, faults);
    this.#conditions = recordOf(template['Conditions']);
    this.#pseudo = pseudoParameters(stackName);
    this.#evaluator = new Evaluator(
      {
        ref: (name) => this.#pseudo.get(name) ?? this.#parameters.get(name) ?? this.#identify(name)?.ref,
        attribute: (logicalId, name) => this.#identify(logicalId)?.attributes[name],
        condition: (name) => (name in this.#conditions ? this.#evaluator.evaluateCondition(this.#conditions[name], `Conditions.${name}`) : undefined),
        mappings: recordOf(template['Mappings']),
      },
      faults,
    );
    const resources = Object.entries(recordOf(template['Resources'])).map(([id, resource]) => [id, recordOf(resource)] as const);
    this.#declared = new Map(resources.filter(([id, resource]) => this.#isWanted(id, resource)));
  }

  resolve(): ResolvedTemplate {
    const resources = this.#sorted().flatMap((id) => this.#resolveResource(id) ?? []);
    return { resources, outputs: this.#outputs() };
  }

  #isWanted(logicalId: string, resource: JsonRecord): boolean {
    const condition = resource['Condition'];
    return condition === undefined || this.#evaluator.evaluateCondition({ Condition: condition }, `${logicalId}.Condition`);
  }

  #resolveResource(logicalId: string): ResolvedResource | undefined {
    const resource = this.#declared.get(logicalId)!;
    const type = String(resource['Type']);
    for (const key of Object.keys(resource)) if (!RESOURCE_KEYS.has(key)) this.#faults.add(`${logicalId}.${key}`, 'this attribute of a resource is not known offline');
    const known = RESOURCE_TYPES[type];
    const where = `${logicalId}.Properties`;
    const properties = recordOf(this.#evaluator.evaluate(recordOf(resource['Properties']), where));
    if (known === undefined) {
      this.#faults.add(`${logicalId}.Type`, `the resource type ${type} is not known offline`);
      return undefined;
    }
    checkProperties(where, properties, known.properties, this.#faults);
    for (const name of known.required) if (!(name in properties)) this.#faults.add(`${where}.${name}`, `${type} needs this property`);
    return { logicalId, type, name: this.#nameOf(logicalId), ref: this.#identify(logicalId)!.ref, properties };
  }

  #identify(logicalId: string): Identity | undefined {
    const resource = this.#declared.get(logicalId);
    if (resource === undefined) return undefined;
    const known = this.#identities.get(logicalId);
    if (known !== undefined) return known;
    const type = String(resource['Type']);
    const name = this.#nameOf(logicalId);
    const property = (key: string): string => String(this.#evaluator.evaluate(recordOf(resource['Properties'])[key], `${logicalId}.Properties.${key}`));
    const described = RESOURCE_TYPES[type]?.describe({ name, logicalId, property }) ?? { ref: name, attributes: { Arn: name } };
    const identity = type === 'AWS::SQS::Queue' ? withQueueUrl(described, this.#options.queueUrl(name)) : described;
    this.#identities.set(logicalId, identity);
    return identity;
  }

  #nameOf(logicalId: string): string {
    const resource = this.#declared.get(logicalId)!;
    const isFifo = recordOf(resource['Properties'])['FifoQueue'] === true;
    return physicalName(this.#options.stackName, logicalId, String(resource['Type']), isFifo ? '.fifo' : '');
  }

  /** Depth first: what is referred to comes first; a circle is a fault. */
  #sorted(): string[] {
    const order: string[] = [];
    const marks = new Map<string, 'open' | 'done'>();
    const visit = (id: string, path: readonly string[]): void => {
      if (marks.get(id) === 'done') return;
      if (marks.get(id) === 'open') return this.#faults.add(id, `resources refer to each other in a circle: ${[...path.slice(path.indexOf(id)), id].join(' -> ')}`);
      marks.set(id, 'open');
      for (const next of this.#dependencies(id)) visit(next, [...path, id]);
      marks.set(id, 'done');
      order.push(id);
    };
    for (const id of this.#declared.keys()) visit(id, []);
    return order;
  }

  #dependencies(logicalId: string): string[] {
    const { DependsOn: dependsOn, Properties: properties } = this.#declared.get(logicalId)!;
    const explicit = (Array.isArray(dependsOn) ? listOf(dependsOn) : dependsOn === undefined ? [] : [dependsOn]).map(String);
    for (const id of explicit) if (!this.#declared.has(id)) this.#faults.add(`${logicalId}.DependsOn`, `there is no resource "${id}"`);
    return [...explicit, ...referencesIn(properties)].filter((id) => this.#declared.has(id));
  }

  #outputs(): Record<string, string> {
    const outputs: Record<string, string> = {};
    for (const [name, output] of Object.entries(recordOf(this.#options.template['Outputs']))) {
      if (!isRecord(output)) continue;
      const condition = output['Condition'];
      if (condition !== undefined && !this.#evaluator.evaluateCondition({ Condition: condition }, `Outputs.${name}`)) continue;
      const value = this.#evaluator.evaluate(output['Value'], `Outputs.${name}.Value`);
      if (value !== NO_VALUE) outputs[name] = String(value);
    }
    return outputs;
  }
}

const withQueueUrl = ({ attributes }: Identity, url: string): Identity => ({ ref: url, attributes: { ...attributes, QueueUrl: url } });

const pseudoParameters = (stackName: string): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>([
    ['AWS::AccountId', ACCOUNT],
    ['AWS::Partition', 'aws'],
    ['AWS::Region', REGION],
    ['AWS::StackName', stackName],
    ['AWS::StackId', `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${stackName}/embedded`],
    ['AWS::URLSuffix', 'amazonaws.com'],
    ['AWS::NotificationARNs', []],
  ]);
