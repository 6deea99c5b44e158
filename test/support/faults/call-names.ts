import { LEDGER_EXPRESSIONS } from '../../../shared/aws/ledger-expressions.ts';
import { CREDIT_EXPRESSIONS } from '../../../shared/aws/credit-expressions.ts';
import { LIMIT_EXPRESSIONS } from '../../../shared/aws/limit-expressions.ts';
import type { WireCall } from './wire-call.ts';

/**
 * What a call is called: `ProcessBatchWeb/dynamodb:UpdateItem claim 0/3 #1`. The name says what the call is for and not what differs from run to
 * run (ids, hashes, ports); `#n` counts the calls of one name. So the same call has the same name in every run, as far as time lets it.
 */
export interface NamedCall extends WireCall {
  readonly name: string;
  readonly caller: string;
  /** The run that it is for, if it says so. */
  readonly run: string | undefined;
  /** 1 is the first; the SDK repeats what failed. */
  readonly attempt: number;
}

const RUN_ID = /r[a-z2-7]{25}/;

/** The run that a call names. */
export const runOf = ({ url, input }: Pick<WireCall, 'url' | 'input'>): string | undefined => RUN_ID.exec(url)?.[0] ?? RUN_ID.exec(JSON.stringify(input))?.[0];

/** Names the calls of one run in the order in which they come. */
export class CallNames {
  readonly #callerOf: (call: WireCall) => string;
  readonly #counts = new Map<string, number>();
  readonly #bySdkCall = new Map<string, { readonly name: string; attempts: number }>();

  constructor(callerOf: (call: WireCall) => string) {
    this.#callerOf = callerOf;
  }

  name(call: WireCall): NamedCall {
    const caller = this.#callerOf(call);
    const known = this.#bySdkCall.get(call.sdkCallId) ?? { name: this.#count(`${caller}/${call.service}:${call.action} ${describeCall(call)}`), attempts: 0 };
    known.attempts++;
    if (call.sdkCallId !== '') this.#bySdkCall.set(call.sdkCallId, known);
    return { ...call, caller, name: known.name, run: runOf(call), attempt: known.attempts };
  }

  #count(text: string): string {
    const count = (this.#counts.get(text) ?? 0) + 1;
    this.#counts.set(text, count);
    return `${text} #${count}`;
  }
}

export function describeCall(call: WireCall): string {
  switch (call.service) {
    case 'dynamodb':
      return describeRecordCall(call.input);
    case 's3':
      return describeObject(call.url);
    case 'sqs':
      return describeMessage(call.input);
    default:
      return 'run';
  }
}

/** CloudFormation's names carry the logical id. */
const RESOURCE = /Progress|Lanes|Limits|Tenants|Manifests|Uploads|Results|FailedEvents|(?:Dispatch|StandardWork|WebWork)(?:DeadLetters)?/i;
const resourceOf = (physicalName: unknown): string => RESOURCE.exec(String(physicalName))?.[0].toLowerCase() ?? String(physicalName);

type Attributes = Readonly<Record<string, { readonly S?: string } | undefined>>;

interface RecordInput {
  readonly TableName?: string;
  readonly RequestItems?: Readonly<Record<string, unknown>>;
  readonly Key?: Attributes;
  readonly Item?: Attributes;
  readonly UpdateExpression?: string;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Attributes;
}

function describeRecordCall(given: Readonly<Record<string, unknown>>): string {
  const input = given as RecordInput;
  const table = resourceOf(input.TableName ?? Object.keys(input.RequestItems ?? {})[0]);
  const key = describeKey((input.Key ?? input.Item)?.['pk']?.S ?? input.ExpressionAttributeValues?.[':pk']?.S ?? '');
  const batch = input.ExpressionAttributeNames?.['#k'];
  const purpose = input.UpdateExpression === undefined ? '' : `${purposeOf(input.UpdateExpression)} `;
  // Which of the two forms of a reservation is right depends on the clock.
  if (table === 'limits') return `limits ${purpose.replace(/idle|busy/, 'reserve')}${key}`;
  return table === 'progress' ? `${purpose}${key}${batch === undefined ? '' : `/${batch}`}` : table;
}

function describeKey(pk: string): string {
  const [kind = '', , shard] = pk.split('#');
  if (kind === 'SHARD') return shard!;
  return kind.replace(/^host:.*/, 'host').toLowerCase();
}

type Expression = Readonly<Record<string, string>>;
const EXPRESSIONS: readonly (readonly [string, Expression | string])[] = [...Object.entries(LEDGER_EXPRESSIONS), ...Object.entries(LIMIT_EXPRESSIONS), ...Object.entries(CREDIT_EXPRESSIONS)];

/** The name of the product's own expression. */
function purposeOf(update: string): string {
  const isIt = (expression: Expression | string): boolean => (typeof expression === 'string' ? [expression] : Object.values(expression)).some((text) => update === text || update.startsWith(`${text} REMOVE `));
  return EXPRESSIONS.find(([, expression]) => isIt(expression))?.[0] ?? 'update';
}

function describeObject(url: string): string {
  const [path = '', query = ''] = url.split('?');
  const [, bucket, ...rest] = path.split('/');
  const key = rest.length > 0 && rest[0] !== '' ? decodeURIComponent(rest.join('/')) : (new URLSearchParams(query).get('prefix') ?? '');
  const part = new URLSearchParams(query).get('partNumber');
  return `${resourceOf(bucket)} ${withoutChance(key)}${part === null ? '' : ` part ${part}`}`;
}

/** Without run, plan, hash and port. */
const withoutChance = (key: string): string =>
  key
    .replace(new RegExp(`[^/]+/${RUN_ID.source}/`), '')
    .replace(/plan\/[0-9a-f-]{36}/, 'plan')
    .replace(/(results\/\d{5}-\d{2})-[\w-]{43}/, '$1')
    .replace(/127\.0\.0\.1[^/]*/, 'host');

interface MessageInput {
  readonly QueueUrl?: string;
  readonly MessageBody?: string;
}

function describeMessage(given: Readonly<Record<string, unknown>>): string {
  const { QueueUrl: url = '', MessageBody: body } = given as MessageInput;
  const queue = resourceOf(url.split('/').at(-1));
  if (body === undefined) return queue;
  const { type = 'message', shard, batch } = JSON.parse(body) as { type?: string; shard?: number; batch?: number };
  return [queue, type, [shard, batch].filter((number) => number !== undefined).join('/')].filter((word) => word !== '' && word !== 'message').join(' ');
}
