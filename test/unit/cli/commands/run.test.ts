import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backend } from '../../../../cli/backend.ts';
import { finishRun, runCommand } from '../../../../cli/commands/run.ts';
import { exitCodeOf, type RunSummary } from '../../../../cli/summary.ts';
import type { CommandContext } from '../../../../cli/settings.ts';
import type { RunRecord } from '../../../../shared/records.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';
import { buildFinishedRun } from '../../../support/finished-run.ts';
import type { StoredLedger } from '../../../support/stored-ledger.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spillway-run-'));
});
afterEach(() => rm(folder, { recursive: true }));

const source = { bucket: 'manifests', key: 'local/noop/list.txt', version: '1', bytes: 2, etag: 'e' };

const fakeLedger = (record: Partial<RunRecord>): Backend['ledger'] => ({
  readRun: async () => record as RunRecord,
  readShards: async () => [],
  readDone: async () => new Set<number>(),
  listRuns: async () => [record as RunRecord],
});

const readersOf = (stored: StoredLedger) => ({ readRun: stored.readRun.bind(stored), readShards: stored.readShards.bind(stored), readDone: stored.readDone.bind(stored) });

function fakeBackend(record: Partial<RunRecord>, more: Partial<Backend> = {}) {
  const uploads: { key: string; metadata: Readonly<Record<string, string>> }[] = [];
  const state = { isStopped: false };
  const backend = {
    ledger: fakeLedger(record),
    upload: async ({ key, metadata }: { key: string; metadata: Readonly<Record<string, string>> }) => {
      uploads.push({ key, metadata });
      return source;
    },
    stop: async () => {
      state.isStopped = true;
    },
    ...more,
  } as unknown as Backend;
  return { backend, uploads, state };
}

const contextOf = (backend: Backend, terminal = createFakeTerminal()): CommandContext & { terminal: typeof terminal } => ({
  terminal, tenant: 'local', backendOptions: { dataFolder: folder, allowedNetworks: [] }, startBackend: async () => backend, signal: new AbortController().signal,
});

describe('spillway run', () => {
  it('uploads under tenant and processor with its options, and stops the stack', async () => {
    const { backend, uploads, state } = fakeBackend({ run: 'r1', state: 'failed', error: 'only bad rows' });
    await writeFile(join(folder, 'list.txt'), 'a\n');
    const context = contextOf(backend);
    const code = await runCommand(join(folder, 'list.txt'), { processor: 'noop', option: ['itemsPerBatch=7'], out: folder }, context);
    expect(code).toBe(3);
    expect(uploads).toEqual([{ key: 'local/noop/list.txt', metadata: { 'spillway-processor': 'noop', 'spillway-options': '{"itemsPerBatch":7}' } }]);
    expect(context.terminal.printed.join('\n')).toContain('only bad rows');
    expect(state.isStopped).toBe(true);
  });

  it('starts no stack for an unknown processor, a wrong option or a missing file', async () => {
    const startBackend = () => Promise.reject(new Error('started'));
    const context = { ...contextOf(fakeBackend({}).backend), startBackend };
    const out = folder;
    await expect(runCommand(folder, { processor: 'nope', option: [], out }, context)).rejects.toThrow(/expected a processor/);
    await expect(runCommand(folder, { processor: 'noop', option: ['speed=9'], out }, context)).rejects.toThrow(/options of noop are wrong/);
    await expect(runCommand(join(folder, 'gone'), { processor: 'noop', option: [], out }, context)).rejects.toThrow(/there is nothing/);
  });
});

describe('the end of a run', () => {
  it('puts every listed file on disk, sums up in at most ten lines, and answers 1 for failed items', async () => {
    const { results, manifests, ledger, tenant, run } = await buildFinishedRun();
    const { backend } = fakeBackend({}, { results, manifests, ledger: { ...fakeLedger({}), ...readersOf(ledger) } });
    const context = contextOf(backend);
    const code = await finishRun({ run, tenant, state: 'finished' } as RunRecord, folder, backend, context);
    expect(code).toBe(1);
    const { printed } = context.terminal;
    expect(printed.length).toBeLessThanOrEqual(10);
    expect(printed.join('\n')).toContain('28: 23 succeeded, 4 failed, 1 skipped');
    expect(printed.join('\n')).toContain('4 HttpStatusError');
    const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8')) as { files: { path: string; bytes: number }[] };
    for (const { path, bytes } of manifest.files) expect((await readFile(join(folder, path))).length).toBe(bytes);
  });

  it.each([
    ['cancelled', 'cancelled after'],
    ['failure threshold', 'stopped (failure threshold) after'],
    ['time limit', 'stopped (time limit) after'],
  ] as const)('says of a run that was stopped how (%s), and with what it goes on', async (reason, says) => {
    const stop = { reason, at: '2026-01-01T00:00:30.000Z' };
    const { results, manifests, ledger, tenant, run } = await buildFinishedRun({ stop });
    const { backend } = fakeBackend({}, { results, manifests, ledger: { ...fakeLedger({}), ...readersOf(ledger) } });
    const [plain, json] = [contextOf(backend), contextOf(backend, createFakeTerminal({ isJson: true }))];
    for (const context of [plain, json]) await finishRun({ run, tenant, state: 'finished', stop } as RunRecord, folder, backend, context);
    const text = plain.terminal.printed.join('\n');
    expect(text).toContain(`${run} ${says}`);
    expect(text).toContain(`spillway redrive ${run} --skipped`);
    expect(JSON.parse(json.terminal.printed[0]!)).toMatchObject({ state: 'finished', stop });
  });

  it.each([
    ['clean and nothing failed', {}, 0],
    ['an item failed', { failed: 1 }, 1],
    ['it was stopped', { stop: { reason: 'cancelled', at: '2026-01-01T00:00:30.000Z' } }, 1],
    ['verify found a fault', { isClean: false }, 1],
    ['it has no results', { manifest: undefined }, 3],
  ] as const)('answers with an exit code: %s', (_, { failed = 0, stop, isClean = true, ...more }: { failed?: number; stop?: RunRecord['stop']; isClean?: boolean; manifest?: undefined }, code) => {
    const summary = { record: { ...(stop && { stop }) }, manifest: { counts: { failed } }, verification: { isClean }, ...more } as unknown as RunSummary;
    expect(exitCodeOf(summary)).toBe(code);
  });

  it('is one JSON document with --json', async () => {
    const { results, manifests, ledger, tenant, run } = await buildFinishedRun();
    const { backend } = fakeBackend({}, { results, manifests, ledger: { ...fakeLedger({}), ...readersOf(ledger) } });
    const context = contextOf(backend, createFakeTerminal({ isJson: true }));
    await finishRun({ run, tenant, state: 'finished' } as RunRecord, folder, backend, context);
    expect(context.terminal.printed).toHaveLength(1);
    expect(JSON.parse(context.terminal.printed[0]!)).toMatchObject({ run, state: 'finished', counts: { failed: 4 }, errors: { HttpStatusError: 4 } });
  });
});
