import { gunzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendOptions } from '../../../../cli/backend.ts';
import { redriveCommand, type RedriveOptions } from '../../../../cli/commands/redrive.ts';
import type { CommandContext } from '../../../../cli/settings.ts';
import { llmsTxt } from '../../../../processors/llms-txt/processor.ts';
import type { Processor } from '../../../../processors/processor.ts';
import type { ManifestUpload } from '../../../../shared/aws/upload-manifest.ts';
import { runIdOf } from '../../../../shared/names.ts';
import type { RunRecord } from '../../../../shared/records.ts';
import { createFakeTerminal } from '../../../support/fake-terminal.ts';
import { buildFinishedRun, type StoredRun } from '../../../support/finished-run.ts';
import { aRun, aSource } from '../../../support/ledger-fixtures.ts';

const stop = { reason: 'cancelled', at: '2026-01-01T00:00:30.000Z' } as const;
/** Its results are no pages here: they are not joined. */
const { merge: _merge, ...processor } = llmsTxt as unknown as Processor;

let stored: StoredRun;
/** What is not in the run's stored record. */
let changes: Partial<RunRecord>;
let uploads: { upload: ManifestUpload; text: string }[];
let started: BackendOptions[];
beforeEach(async () => {
  stored = await buildFinishedRun({ processor });
  changes = { options: { twins: false, retries: 1, column: 'address', format: 'csv' } };
  uploads = [];
  started = [];
});

async function redrive(options: Partial<RedriveOptions> = {}, terminal = createFakeTerminal()) {
  const source = aSource({ key: 'redriven' });
  const records = new Map<string, RunRecord>([[runIdOf(source), aRun({ run: runIdOf(source), state: 'failed', error: 'seen enough' })]]);
  const old = { ...(await stored.ledger.readRun(stored.run))!, ...changes };
  records.set(stored.run, old);
  const backend = {
    results: stored.results,
    ledger: { readRun: async (run: string) => records.get(run), readShards: async () => [], listRuns: async () => [old] },
    upload: async (upload: ManifestUpload) => {
      const bytes = Buffer.concat(await Array.fromAsync(upload.body));
      uploads.push({ upload, text: gunzipSync(bytes).toString() });
      return source;
    },
    stop: async () => undefined,
  } as unknown as Backend;
  const startBackend = async (given: BackendOptions) => (started.push(given), backend);
  const context: CommandContext = { terminal, tenant: 'acme', backendOptions: { dataFolder: 'd', allowedNetworks: [] }, startBackend, signal: new AbortController().signal };
  const code = await redriveCommand(undefined, { error: [], host: [], option: [], out: 'nowhere', ...options }, context);
  return { code, printed: terminal.printed.join('\n'), noted: terminal.noted.join('\n') };
}

/** Line -> row of the uploaded manifest. */
const uploadedRows = () => Object.fromEntries(uploads[0]!.text.split('\n').flatMap((text, i) => (text === '' ? [] : [[i + 1, JSON.parse(text) as unknown]])));

const FAILED = {
  7: { url: 'https://a.example/page-6' },
  14: { id: 'b1', url: 'https://b.example/page-1' },
  21: { id: 'b8', url: 'https://b.example/page-8' },
  28: { id: 'unusable', url: 'https://b.example/named' },
};

describe('spillway redrive', () => {
  it('uploads the failed items, each at its old line and with its id, and follows the run', async () => {
    const { code, printed, noted } = await redrive();
    expect(uploadedRows()).toEqual(FAILED);
    expect(noted).toContain(`doing 4 items (4 HttpStatusError) of run ${stored.run} again`);
    expect(printed).toContain('seen enough');
    expect(code).toBe(3);
  });

  it("names the run, and takes its options but for those that say how its manifest is read", async () => {
    await redrive({ option: ['retries=9', 'maxFailures=4'] });
    const { key, metadata } = uploads[0]!.upload;
    expect(key).toBe(`acme/llms-txt/redrive-of-${stored.run}.jsonl.gz`);
    expect(metadata).toMatchObject({ 'spillway-processor': 'llms-txt', 'spillway-redrive-of': stored.run });
    expect(JSON.parse(metadata['spillway-options']!)).toEqual({ twins: false, retries: 9, maxFailures: 4, format: 'jsonl' });
  });

  it.each([
    ['the error', { error: ['EmptyPageError', 'HttpStatusError'] }, [7, 14, 21, 28]],
    ['the host', { host: ['B.example'] }, [14, 21, 28]],
    ['one of the hosts', { host: ['a.example', 'c.example'] }, [7]],
    ['the time', { before: '2026-01-01T00:00:01.001Z' }, [7, 14, 21, 28]],
  ] as const)('does only what matches %s', async (_, filter, lines) => {
    await redrive(filter);
    expect(Object.keys(uploadedRows()).map(Number)).toEqual(lines);
  });

  it.each([
    ['another error', { error: ['EmptyPageError'] }],
    ['another host', { host: ['example'] }],
    ['retryable ones', { retryable: true }],
    ['an earlier time', { before: '2026-01-01T00:00:01Z' }],
  ] as const)('says that nothing matches %s, and uploads nothing', async (_, filter) => {
    const { code, printed } = await redrive(filter);
    expect([code, uploads]).toEqual([0, []]);
    expect(printed).toBe(`nothing to do again: no failed item of run ${stored.run} matches`);
  });

  it('with --dry-run says how many of each error, starts no worker and uploads nothing', async () => {
    const { code, printed } = await redrive({ dryRun: true });
    expect([code, uploads, started[0]!.isReadOnly]).toEqual([0, [], true]);
    expect(printed).toBe(`4 items (4 HttpStatusError) of run ${stored.run} would be done again`);
    const json = await redrive({ dryRun: true }, createFakeTerminal({ isJson: true }));
    expect(JSON.parse(json.printed)).toEqual({ redriveOf: stored.run, items: 4, errors: { HttpStatusError: 4 }, skipped: 0 });
  });

  describe('of a run that was stopped', () => {
    beforeEach(async () => {
      stored = await buildFinishedRun({ processor, stop });
    });

    it('leaves what the stop skipped, and says what takes it', async () => {
      await redrive();
      const failed = Object.keys(uploadedRows()).map(Number);
      expect(failed.every((line) => line % 7 === 0)).toBe(true);
      expect((await redrive({ error: ['EmptyPageError'] })).printed).toContain('--skipped takes what its stop skipped, too');
    });

    it('takes that with --skipped, in the order of the lines, but never a duplicate', async () => {
      await redrive();
      const failed = Object.keys(uploadedRows()).map(Number);
      uploads = [];
      const { noted } = await redrive({ skipped: true });
      const lines = Object.keys(uploadedRows()).map(Number);
      expect(lines.length).toBeGreaterThan(failed.length);
      expect(lines).toEqual(expect.arrayContaining(failed));
      expect(lines).not.toContain(25);
      expect(noted).toMatch(/ skipped\) of run/);
    });

    it('holds the hosts against what was skipped, too', async () => {
      await redrive({ skipped: true, host: ['a.example'] });
      const urls = Object.values(uploadedRows()).map((row) => (row as { url: string }).url);
      expect(urls.length).toBeGreaterThan(0);
      expect(urls.every((url) => url.startsWith('https://a.example/'))).toBe(true);
    });
  });

  it.each([
    ['open', {}, /is open: wait for its end/],
    ['open', { paused: true }, /is paused: wait/],
    ['stopping', { stop }, /is being cancelled: wait/],
    ['failed', { error: 'no rows' }, /failed \(no rows\).*upload its manifest again/],
  ] as const)('refuses a run that is %s', async (state, more, says) => {
    changes = { ...changes, state, ...more };
    await expect(redrive()).rejects.toThrow(says);
  });

  it.each([
    ['a host with a path', { host: ['example.com/a'] }, /--host/],
    ['a time without a zone', { before: '2026-01-01T10:00' }, /--before/],
    ['no time', { before: 'yesterday' }, /--before/],
    ['an option of the manifest', { option: ['column=x'] }, /`column`/],
    ['an option that is none', { option: ['speed=9'] }, /options of llms-txt are wrong/],
  ])('uploads nothing for %s', async (_, options, says) => {
    await expect(redrive(options)).rejects.toThrow(says);
    expect(uploads).toEqual([]);
  });
});
