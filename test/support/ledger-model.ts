import type { RunLedger, SettleRequest } from '../../shared/ports.ts';
import type { RunStop } from '../../shared/records.ts';
import { aRun, aShard } from './ledger-fixtures.ts';
import type { Move } from './model-steps.ts';

/** The ledger's rules, written down once more and simply: one run, its shards, and every settlement that won. */

interface ModelBatch {
  readonly q: number;
  readonly left: readonly number[];
  readonly head: string;
  readonly deaths: number;
  readonly until: number;
  readonly owner: string;
  readonly message: string;
  readonly marked: number;
  readonly markedDeaths: number;
}

/** A settlement that won. */
export interface Won {
  readonly shard: number;
  readonly batch: number;
  readonly q: number;
  readonly ok: number;
  readonly ko: number;
  readonly sk: number;
}

interface ModelRun {
  readonly state: 'open' | 'stopping' | 'finished' | 'failed';
  readonly execution: string;
  readonly attempt: number;
  readonly started?: string;
  readonly plan?: string;
  readonly token?: string;
  readonly acked?: string;
  readonly stop?: RunStop;
  readonly paused?: true;
  readonly finishedAt?: string;
  readonly error?: string;
}

export interface LedgerModel {
  readonly id: string;
  readonly now: number;
  /** Names that were given out: owners, parts, tokens, executions. */
  readonly names: number;
  readonly owners: readonly string[];
  /** The batch that was claimed last. */
  readonly claimed: { readonly shard: number; readonly batch: number };
  readonly run: ModelRun | undefined;
  readonly isOpen: boolean;
  readonly done: readonly number[];
  readonly sizes: readonly (readonly number[])[];
  readonly batches: readonly (readonly ModelBatch[])[];
  readonly won: readonly Won[];
  /** Made again, as by somebody who never heard the answer. */
  readonly lastSettle: SettleRequest | undefined;
  readonly tokens: readonly { readonly token: string; readonly execution: string; readonly attempt: number }[];
  readonly executions: readonly string[];
}

export type LedgerMove = Move<LedgerModel, RunLedger>;

const fresh = (size: number): ModelBatch => ({ q: 0, left: Array.from({ length: size }, (_, i) => i), head: '-', deaths: 0, until: 0, owner: '-', message: '-', marked: -1, markedDeaths: 0 });

export const aLedgerModel = (id: string, sizes: readonly (readonly number[])[]): LedgerModel => ({
  id,
  now: 1000,
  names: 0,
  owners: [],
  claimed: { shard: 0, batch: 0 },
  run: undefined,
  isOpen: false,
  done: [],
  sizes,
  batches: sizes.map((shard) => shard.map(fresh)),
  won: [],
  lastSettle: undefined,
  tokens: [],
  executions: [id],
});

/** What the ledger must hold. Counts are the sums of what won, nothing that is carried along. */
export function viewLedger({ id, run, isOpen, done, sizes, batches, won }: LedgerModel): unknown {
  const sum = (shard: number, name: 'ok' | 'ko' | 'sk') => won.filter((each) => each.shard === shard).reduce((total, each) => total + each[name], 0);
  return {
    run: run && { ...aRun({ run: id, execution: run.execution }), ...run, ...(run.plan && { totals: totalsOf(sizes) }) },
    isOpen,
    done,
    shards: batches.map((shard, n) => ({
      ...aShard(sizes[n]!, { run: id, shard: n }),
      ok: sum(n, 'ok'),
      ko: sum(n, 'ko'),
      sk: sum(n, 'sk'),
      nd: shard.filter(({ left }) => left.length === 0).length,
      b: Object.fromEntries(shard.map((batch, k) => [k, viewBatch(batch)])),
    })),
  };
}

const viewBatch = ({ q, left, head, deaths, until, owner, message, marked, markedDeaths }: ModelBatch) => ({
  q,
  l: ranges(left),
  h: head,
  a: deaths,
  u: until,
  o: owner,
  m: message,
  d: marked,
  dn: markedDeaths,
});

/** `3,7-9` of ascending numbers. */
export function ranges(ordinals: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const each of ordinals) {
    const last = runs.at(-1);
    if (last && last[1] === each - 1) last[1] = each;
    else runs.push([each, each]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
}

export const totalsOf = (sizes: readonly (readonly number[])[]) => {
  const items = sizes.flat().reduce((a, b) => a + b, 0);
  return { rows: items, invalid: 0, items, duplicates: 0, shards: sizes.length };
};

const only = (model: LedgerModel, answer?: unknown) => ({ states: [model], answer });
const withRun = (model: LedgerModel, changes: Partial<ModelRun>): LedgerModel => ({ ...model, run: { ...model.run!, ...changes } });
const runView = (model: LedgerModel) => (viewLedger(model) as { run: unknown }).run;
const shardView = (model: LedgerModel, shard: number) => (viewLedger(model) as { shards: unknown[] }).shards[shard];
const withBatch = (model: LedgerModel, shard: number, batch: number, changes: Partial<ModelBatch>): LedgerModel => ({
  ...model,
  batches: model.batches.map((each, n) => (n === shard ? each.map((one, k) => (k === batch ? { ...one, ...changes } : one)) : each)),
});

/** Which batch: the one that was claimed last, or any numbers, taken round the sizes. */
export interface At {
  readonly isClaimed: boolean;
  readonly shard: number;
  readonly batch: number;
  /** Names the settle number before the current one. */
  readonly isStale: boolean;
}

function locate(model: LedgerModel, { isClaimed, isStale, ...any }: At) {
  const { shard: anyShard, batch: anyBatch } = isClaimed ? model.claimed : any;
  const shard = anyShard % model.sizes.length;
  const batch = anyBatch % model.sizes[shard]!.length;
  const found = model.batches[shard]![batch]!;
  return { shard, batch, found, q: isStale ? found.q - 1 : found.q };
}

export const passTime = (ms: number): LedgerMove => (model) => ({ ...only({ ...model, now: model.now + ms }), call: async () => undefined });

export const admit: LedgerMove = (model) => {
  const record = aRun({ run: model.id, execution: model.id });
  const opened = { ...model, isOpen: true };
  const admitted = model.run ? opened : { ...opened, run: { state: 'open', execution: model.id, attempt: 0 } as const };
  return { states: [opened, admitted], answer: runView(admitted), call: (ledger) => ledger.admit(record, { v: 1, run: model.id, source: record.source, uploadedAt: record.createdAt }) };
};

/** A delivery of its own, or the last one once more. */
export const claim = (at: At, leaseMs: number, isAgain: boolean): LedgerMove => (model) => {
  const { shard, batch, found, q } = locate(model, at);
  // No message names the q of a batch that is done: the dispatcher sends what is left.
  if (q < 0 || (found.left.length === 0 && !at.isStale)) return undefined;
  const owner = (isAgain && model.owners.at(-1)) || `owner ${model.names}`;
  const known = { ...model, claimed: { shard, batch }, names: model.names + 1, owners: model.owners.includes(owner) ? model.owners : [...model.owners, owner] };
  const isFree = found.q === q && found.until < model.now;
  const after = isFree ? withBatch(known, shard, batch, { deaths: found.deaths + 1, until: model.now + leaseMs, owner }) : known;
  const isMine = isFree || (found.owner === owner && found.q === q);
  const record = shardView(after, shard);
  const answer = isMine ? { kind: 'claimed', shard: record } : found.until > model.now ? { kind: 'owned' } : { kind: 'settled', shard: record };
  return { states: [known, after], answer, call: (ledger) => ledger.claim({ run: model.id, shard, batch, q, owner, now: model.now, until: model.now + leaseMs }) };
};

export const mark = (at: At, ordinal: number, times: number, whose: number): LedgerMove => (model) => {
  const { shard, batch, found, q } = locate(model, at);
  const owner = model.owners.at(-1 - whose);
  if (q < 0 || owner === undefined) return undefined;
  const isMine = found.q === q && found.owner === owner;
  const after = isMine ? withBatch(model, shard, batch, { marked: ordinal, markedDeaths: times }) : model;
  return { ...only(after, isMine ? 'marked' : 'lost'), call: (ledger) => ledger.mark({ run: model.id, shard, batch, q, owner, ordinal, times }) };
};

/** @param whose owner from the newest on; undefined: a stop, which asks for nobody's leave */
export const settle = (at: At, share: number, verdict: 'ok' | 'ko' | 'sk', { whose, keepsLease }: { whose: number | undefined; keepsLease: boolean }): LedgerMove => (model) => {
  const { shard, batch, found, q } = locate(model, at);
  const owner = whose === undefined ? undefined : model.owners.at(-1 - whose);
  if (q < 0 || (whose !== undefined && owner === undefined) || (found.left.length === 0 && !at.isStale)) return undefined;
  const count = owner === undefined ? found.left.length : Math.ceil(found.left.length * share);
  const left = ranges(found.left.slice(count));
  const lease = owner !== undefined && keepsLease && left !== '' ? { owner, until: found.until } : undefined;
  const counts = { ok: 0, ko: 0, sk: 0, [owner === undefined ? 'sk' : verdict]: count };
  const request: SettleRequest = { run: model.id, shard, batch, q, left, part: `part ${model.names}`, message: `message ${model.names}`, counts, ...(owner !== undefined && { owner }), ...(lease && { lease }) };
  return settleOnce({ ...model, names: model.names + 1, lastSettle: request }, request);
};

/** The call before, again: nobody heard its answer. */
export const settleAgain: LedgerMove = (model) => model.lastSettle && settleOnce(model, model.lastSettle);

function settleOnce(model: LedgerModel, request: SettleRequest): ReturnType<LedgerMove> {
  const { shard, batch, q, owner, lease, part, message, counts } = request;
  const found = model.batches[shard]![batch]!;
  const wins = found.q === q && (owner === undefined || found.owner === owner);
  const done = counts.ok + counts.ko + counts.sk;
  const next: ModelBatch = { q: q + 1, left: found.left.slice(done), head: part, deaths: 0, until: lease?.until ?? 0, owner: lease?.owner ?? '-', message, marked: -1, markedDeaths: 0 };
  const after = wins ? { ...withBatch(model, shard, batch, next), won: [...model.won, { shard, batch, q, ...counts }] } : model;
  const kind = wins || found.head === part ? 'settled' : 'beaten';
  return { states: [model, after], answer: { kind, shard: shardView(after, shard) }, call: (ledger) => ledger.settle(request) };
}

export const addDone = (anyShard: number): LedgerMove => (model) => {
  const shard = anyShard % model.sizes.length;
  const done = [...new Set([...model.done, shard])].sort((a, b) => a - b);
  return { ...only({ ...model, done }, done), call: (ledger) => ledger.addDone(model.id, shard) };
};

export const freezePlan: LedgerMove = (model) => {
  if (!model.run) return undefined;
  const nonce = `plan ${model.names}`;
  const known = { ...model, names: model.names + 1 };
  const after = model.run.plan ? known : withRun(known, { plan: nonce });
  return { states: [known, after], answer: runView(after), call: (ledger) => ledger.freezePlan(model.id, { nonce, totals: totalsOf(model.sizes) }) };
};

export const putShardsAgain: LedgerMove = (model) => ({
  ...only(model),
  call: async (ledger) => {
    for (const [n, sizes] of model.sizes.entries()) await ledger.putShard(aShard(sizes, { run: model.id, shard: n }));
  },
});

/** A token of the newest execution or of one before it, at any attempt; or one that was sent before, once more. */
export const storeToken = (age: number, attempt: number, isAgain: boolean): LedgerMove => (model) => {
  const { run } = model;
  if (!run) return undefined;
  const known = isAgain ? model.tokens.at(-1 - age) : undefined;
  const request = known ?? { token: `token ${model.names}`, execution: model.executions.at(-1 - age) ?? model.id, attempt };
  const told = { ...model, names: model.names + 1, tokens: known ? model.tokens : [...model.tokens, request] };
  const isCurrent = run.execution === request.execution && run.attempt <= request.attempt;
  const after = isCurrent ? withRun(told, { token: request.token, attempt: request.attempt }) : told;
  const isStored = isCurrent || run.token === request.token;
  return { states: [told, after], answer: isStored ? 'stored' : 'superseded', call: (ledger) => ledger.storeToken({ run: model.id, ...request }) };
};

export const markAcked = (age: number): LedgerMove => (model) => {
  const token = model.tokens.at(-1 - age)?.token;
  if (token === undefined) return undefined;
  const after = model.run!.token === token ? withRun(model, { acked: token }) : model;
  return { ...only(after), call: (ledger) => ledger.markAcked(model.id, token) };
};

export const markStarted = (age: number): LedgerMove => (model) => {
  const execution = model.executions.at(-1 - age) ?? model.id;
  const after = model.run?.execution === execution ? withRun(model, { started: execution }) : model;
  return { ...only(after), call: (ledger) => ledger.markStarted(model.id, execution) };
};

const hasEnded = (run: ModelRun | undefined) => run === undefined || run.state === 'finished' || run.state === 'failed';

export const restart: LedgerMove = (model) => {
  const execution = `execution ${model.names}`;
  const told = { ...model, names: model.names + 1, executions: [...model.executions, execution] };
  const after = hasEnded(model.run) ? told : withRun(told, { execution, attempt: 0 });
  return { states: [told, after], answer: runView(after), call: (ledger) => ledger.restart(model.id, execution) };
};

export const requestStop = (reason: RunStop['reason']): LedgerMove => (model) => {
  const stop = { reason, at: `at ${model.now}` };
  const after = model.run?.state === 'open' ? withRun(model, { state: 'stopping', stop }) : model;
  return { ...only(after, runView(after)), call: (ledger) => ledger.requestStop(model.id, stop) };
};

export const setPaused = (isPaused: boolean): LedgerMove => (model) => {
  const { paused: _, ...rest } = model.run ?? { state: 'finished' };
  const resumed = model.run ? { ...model, run: rest as ModelRun } : model;
  const after = isPaused ? (model.run?.state === 'open' ? withRun(model, { paused: true }) : model) : resumed;
  return { ...only(after, runView(after)), call: (ledger) => ledger.setPaused(model.id, isPaused) };
};

export const markEnded = (state: 'finished' | 'failed'): LedgerMove => (model) => {
  if (!model.run) return undefined;
  const end = { state, finishedAt: `at ${model.now}`, ...(state === 'failed' && { error: 'why' }) };
  const after = hasEnded(model.run) ? model : withRun(model, end);
  return { ...only(after, runView(after)), call: (ledger) => ledger.markEnded(model.id, end) };
};

export const takeOffOpen: LedgerMove = (model) => ({ ...only({ ...model, isOpen: false }), call: (ledger) => ledger.takeOffOpen(model.id) });
