import { partPath } from '../../shared/names.ts';
import type { StoredRun } from './finished-run.ts';
import type { StoredShard } from './stored-ledger.ts';
import type { Tampering } from './tamperings.ts';

/** Ways to falsify the ledger of a finished run whose files are right. */
export const LEDGER_TAMPERINGS: readonly Tampering[] = [
  { what: 'the record of the run removed', finds: 'ledger-run-missing', apply: ({ ledger }) => void (ledger.run = undefined) },
  { what: 'the state open', finds: 'run-open', apply: ({ ledger }) => void (ledger.run!.state = 'open') },
  { what: 'the state failed', finds: 'run-failed', apply: ({ ledger }) => void (ledger.run!.state = 'failed') },
  { what: 'the frozen plan of another planning', finds: 'ledger-run-wrong', apply: ({ ledger }) => void (ledger.run!.plan = 'other') },
  { what: 'a total of the run one too high', finds: 'ledger-run-wrong', apply: ({ ledger }) => void (ledger.run!.totals = { ...ledger.run!.totals!, items: ledger.run!.totals!.items + 1 }) },
  { what: 'a run that ended at another time', finds: 'ledger-run-wrong', apply: ({ ledger }) => void (ledger.run!.finishedAt = '2026-02-02T00:00:00.000Z') },
  { what: 'a stop that manifest.json does not name', finds: 'ledger-run-wrong', apply: ({ ledger }) => void Object.assign(ledger.run!, { stop: { reason: 'cancelled', at: '2026-01-01T00:00:30.000Z' } }) },
  { what: 'a shard\'s record removed', finds: 'ledger-shard-missing', apply: ({ ledger }) => void ledger.shards.delete(0) },
  { what: 'the sizes of a shard edited', finds: 'ledger-shard-wrong', apply: onShard((shard) => void (shard.sizes = shard.sizes.map((size) => size + 1))) },
  { what: 'the offsets of a shard edited', finds: 'ledger-shard-wrong', apply: onShard((shard) => void (shard.offsets = shard.offsets.map((offset) => offset + 1))) },
  { what: 'the lines of a shard edited', finds: 'ledger-shard-wrong', apply: onShard((shard) => void (shard.lines = [shard.lines![0] + 1, shard.lines![1]])) },
  { what: 'a batch too few in a shard', finds: 'ledger-shard-wrong', apply: onShard((shard) => void delete shard.b['0']) },
  ...(['ok', 'ko', 'sk', 'nd'] as const).flatMap((counter) => [
    { what: `${counter} one too high`, finds: 'ledger-counts-wrong' as const, apply: onShard((shard) => void shard[counter]++) },
    { what: `${counter} one too low`, finds: 'ledger-counts-wrong' as const, apply: onShard((shard) => void shard[counter]--) },
  ]),
  { what: 'a success counted as a failure', finds: 'ledger-counts-wrong', apply: onShard((shard) => void (shard.ok--, shard.ko++)) },
  { what: 'an ordinal left', finds: 'ledger-batch-open', apply: onShard(({ b }) => void (b['0']!.l = '0')) },
  { what: 'h naming another part', finds: 'ledger-chain-wrong', apply: onShard(({ b }) => void (b['0']!.h = 'A'.repeat(43))) },
  { what: 'h naming a part of a crashed delivery', finds: 'ledger-chain-wrong', apply: nameGarbage },
  { what: 'a settle number one too high', finds: 'ledger-chain-wrong', apply: onShard(({ b }) => void b['0']!.q++) },
  { what: 'a batch that nobody settled', finds: 'ledger-chain-wrong', apply: onShard(({ b }) => void Object.assign(b['0']!, { q: 0, h: '-' })) },
  { what: 'DONE lacking a shard', finds: 'ledger-done-wrong', apply: ({ ledger }) => void ledger.done.delete(0) },
  { what: 'DONE with a shard too many', finds: 'ledger-done-wrong', apply: ({ ledger }) => void ledger.done.add(99) },
];

function onShard(edit: (shard: StoredShard) => void): Tampering['apply'] {
  return ({ ledger }) => edit(ledger.shards.get(0)!);
}

/** A part that is there, under its right name, and counts for nothing. */
function nameGarbage({ ledger, results, tenant, run }: StoredRun): void {
  const listed = Buffer.from(results.bytesOf(`${tenant}/${run}/manifest.json`)).toString();
  const prefix = `${tenant}/${run}/${partPath(0, 0, '').replace('.ndjson.gz', '')}`;
  const unlisted = results.keys(prefix).find((key) => !listed.includes(key.slice(prefix.length)));
  ledger.shards.get(0)!.b['0']!.h = unlisted!.slice(prefix.length, -'.ndjson.gz'.length);
}
