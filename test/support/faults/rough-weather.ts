import { LEDGER_EXPRESSIONS } from '../../../shared/aws/ledger-expressions.ts';
import type { NamedCall } from './call-names.ts';
import { isMutation, type WireCall } from './wire-call.ts';
import type { FaultKind } from './wire-faults.ts';

/** How often each fault comes among the faulty attempts. A killed invocation costs a lease or a visibility time-out, so it is the rarest. */
const MIX: readonly (readonly [share: number, kind: FaultKind])[] = [
  [0.36, 'fail'],
  [0.2, 'lose'],
  [0.2, 'throttle'],
  [0.2, 'delay'],
  [0.02, 'kill before'],
  [0.02, 'kill after'],
];

export interface BatchKey {
  readonly shard: number;
  readonly batch: number;
}

/** A share of all attempts of all calls meets a fault; notes which workers were killed, and which batches they had. */
export class RoughWeather {
  calls = 0;
  readonly faults: Partial<Record<FaultKind, number>> = {};
  readonly killed = new Set<string>();
  readonly #batches = new Map<string, BatchKey>();
  readonly #share: number;
  readonly #random: () => number;

  constructor(share: number, random: () => number) {
    this.#share = share;
    this.#random = random;
  }

  readonly judge = (call: NamedCall): FaultKind | undefined => {
    this.calls++;
    this.#noteClaim(call);
    if (this.#random() >= this.#share) return undefined;
    const kind = this.#pick(call);
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
    if (kind.startsWith('kill')) this.killed.add(call.requestId!);
    return kind;
  };

  /** Workers that died, of each batch `shard/batch`. @param others invocations that ended otherwise, such as by their time-out */
  deathsByBatch(others: readonly string[]): Map<string, number> {
    const deaths = new Map<string, number>();
    for (const requestId of new Set([...this.killed, ...others])) {
      const key = this.#batches.get(requestId);
      if (key) deaths.set(`${key.shard}/${key.batch}`, (deaths.get(`${key.shard}/${key.batch}`) ?? 0) + 1);
    }
    return deaths;
  }

  #pick(call: WireCall): FaultKind {
    let at = this.#random();
    const [, kind] = MIX.find(([share]) => (at -= share) < 0) ?? MIX[0]!;
    if (kind === 'lose' && !isMutation(call)) return 'fail';
    // The state machine calls without an invocation: there is no thread to kill.
    return kind.startsWith('kill') && call.requestId === undefined ? 'fail' : kind;
  }

  /** A worker's claim names its invocation as the owner. */
  #noteClaim({ action, input }: WireCall): void {
    const { UpdateExpression, Key, ExpressionAttributeNames: names, ExpressionAttributeValues: values } = input as unknown as ClaimInput;
    if (action !== 'UpdateItem' || UpdateExpression !== LEDGER_EXPRESSIONS.claim.update) return;
    this.#batches.set(values[':me']!.S, { shard: Number(Key.pk.S.split('#').at(-1)), batch: Number(names['#k']) });
  }
}

interface ClaimInput {
  readonly UpdateExpression?: string;
  readonly Key: { readonly pk: { readonly S: string } };
  readonly ExpressionAttributeNames: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues: Readonly<Record<string, { readonly S: string }>>;
}
