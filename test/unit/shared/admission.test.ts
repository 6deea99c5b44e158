import { beforeEach, describe, expect, it } from 'vitest';
import { noop } from '../../../processors/noop/processor.ts';
import { type AdmitPorts, admitRun } from '../../../shared/admission.ts';
import type { RunLedger } from '../../../shared/ports.ts';
import type { RunRecord } from '../../../shared/records.ts';
import { aRun, aSource } from '../../support/ledger-fixtures.ts';
import { MemoryObjectStore } from '../../support/memory-object-store.ts';

const OWN = `r${'a'.repeat(25)}`;
const FOREIGN = `r${'b'.repeat(25)}`;

let runs: Map<string, RunRecord>;
let started: string[];
let manifests: MemoryObjectStore;
beforeEach(() => {
  runs = new Map([[OWN, aRun({ run: OWN, state: 'finished' })], [FOREIGN, aRun({ run: FOREIGN, tenant: 'other', state: 'finished' })]]);
  started = [];
  manifests = new MemoryObjectStore('manifests');
});

const keep = async (record: RunRecord): Promise<RunRecord> => {
  if (!runs.has(record.run)) runs.set(record.run, record);
  return runs.get(record.run)!;
};

function admit(metadata: Record<string, string>) {
  const version = manifests.put('acme/noop/list.txt', Buffer.from('a\n'), { metadata });
  const ledger = {
    readRun: async (run: string) => runs.get(run),
    admit: keep,
    recordRefusal: keep,
    markStarted: async () => undefined,
    markEnded: async (run: string) => runs.get(run)!,
    takeOffOpen: async () => undefined,
  } as unknown as RunLedger;
  const ports: AdmitPorts = {
    ledger,
    manifests,
    executions: { start: async (name) => void started.push(name) },
    processors: [noop],
  };
  return admitRun({ source: aSource({ version }), uploadedAt: '2026-01-01T00:00:00.000Z' }, ports);
}

describe('options that are too long for metadata', () => {
  const KEY = 'acme/noop/list.txt.options.json';

  it('are those of the version beside the manifest that the metadata names', async () => {
    const version = manifests.put(KEY, Buffer.from('{"itemsPerBatch":7}'));
    manifests.put(KEY, Buffer.from('{"itemsPerBatch":9}'));
    expect(await admit({ 'spillway-options-version': version })).toMatchObject({ kind: 'started' });
    expect(runs.get(started[0]!)).toMatchObject({ options: { itemsPerBatch: 7 } });
  });

  it('are refused with a sentence when they are gone, or more than 64 KB', async () => {
    expect(await admit({ 'spillway-options-version': 'v9' })).toMatchObject({ kind: 'refused', reason: expect.stringContaining('it is gone') });
    const version = manifests.put(KEY, Buffer.alloc(65_537, ' '));
    expect(await admit({ 'spillway-options-version': version })).toMatchObject({ kind: 'refused', reason: expect.stringContaining('at most 65536 bytes') });
  });

  it('are no manifest themselves', async () => {
    const ports = { manifests } as unknown as AdmitPorts;
    expect(await admitRun({ source: aSource({ key: KEY }), uploadedAt: '2026-01-01T00:00:00.000Z' }, ports)).toEqual({ kind: 'ignored' });
  });
});

describe('a manifest that says which run it redrives', () => {
  it('becomes a run that is linked to it', async () => {
    const admission = await admit({ 'spillway-redrive-of': OWN });
    expect(admission).toMatchObject({ kind: 'started' });
    expect(runs.get(started[0]!)).toMatchObject({ redriveOf: OWN });
  });

  it.each([
    ["another tenant's run", FOREIGN],
    ['a run that does not exist', `r${'c'.repeat(25)}`],
    ['no run id', 'yesterday'],
    ['nothing', ''],
    ['a text longer than a key may be', 'r'.repeat(5000)],
  ])('is refused with one sentence for %s, and starts nothing', async (_, given) => {
    const admission = await admit({ 'spillway-redrive-of': given });
    expect(admission).toMatchObject({ kind: 'refused', reason: `expected the metadata spillway-redrive-of to be the id of a run of tenant acme, got ${JSON.stringify(given)}: \`spillway redrive\` sets it` });
    expect(started).toEqual([]);
  });

  it('is linked to none without that', async () => {
    await admit({});
    expect(runs.get(started[0]!)).not.toHaveProperty('redriveOf');
  });
});
