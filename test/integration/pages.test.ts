import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyRun } from '../../cli/verify/verify-run.ts';
import { findProcessor } from '../../processors/registry.ts';
import { createObjectStore } from '../../shared/aws/object-store.ts';
import { type PageHosts, type PageKind, startPageHosts } from '../../bench/page-hosts.ts';
import type { RunRecord } from '../../shared/records.ts';
import { copyRun, type StoredRun } from '../support/finished-run.ts';
import { LEDGER_TAMPERINGS } from '../support/ledger-tamperings.ts';
import { TAMPERINGS } from '../support/tamperings.ts';
import { type StoredRow, TargetClient } from '../support/target-run.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

const PAGES = 2000;
const HOSTS = 8;
/** A silent server takes 15 s a try. */
const RETRIES = 1;

/** How a page that answers so must be judged. */
const EXPECTED: Record<PageKind, { verdict: string; error?: string; retryable?: boolean; says?: string }> = {
  page: { verdict: 'succeeded' },
  'not found': { verdict: 'failed', error: 'HttpStatusError', retryable: false, says: '404' },
  'server error': { verdict: 'failed', error: 'HttpStatusError', retryable: true, says: '500' },
  silent: { verdict: 'failed', error: 'HeadersTimeoutError', retryable: true },
  broken: { verdict: 'failed', error: 'TruncatedBodyError', retryable: true },
  'broken gzip': { verdict: 'failed', error: 'TruncatedBodyError', retryable: true },
};

describe(`${PAGES} pages on ${HOSTS} hosts, some of them answering badly`, () => {
  let target: Target;
  let client: TargetClient;
  let hosts: PageHosts;
  let record: RunRecord;
  let verdicts: StoredRow[];

  beforeAll(async () => {
    hosts = await startPageHosts({ hosts: HOSTS, pages: PAGES, faultRatio: 0.03, pageBytes: 3000, seed: 7 });
    target = await startTarget();
    client = new TargetClient(target);
    const run = await client.upload('acme/llms-txt/pages.txt', hosts.urls.join('\n'), { 'spillway-options': JSON.stringify({ retries: RETRIES }) });
    record = await client.waitForEnd(run, { timeoutMs: 280_000 });
    verdicts = await client.readVerdicts(record);
  }, 300_000);
  afterAll(async () => {
    await target?.stop();
    await hosts?.stop();
  });

  it('end in a finished run', () => {
    expect(record).toMatchObject({ state: 'finished' });
    expect(record.error).toBeUndefined();
  });

  it('give every URL of the manifest exactly one verdict', () => {
    expect(verdicts.map(({ line }) => line).sort((a, b) => a - b)).toEqual(hosts.urls.map((_, i) => i + 1));
    for (const { line, input } of verdicts) expect(input['url']).toBe(hosts.urls[line - 1]);
  });

  it('name each failure as the server really answered', () => {
    const answered = new Map(hosts.journal.map(({ url, kind }) => [url, kind]));
    const wrong = verdicts.filter(({ input, verdict, error }) => {
      const expected = EXPECTED[answered.get(input['url'] as string)!];
      const isSaid = expected.says === undefined || error?.message.includes(expected.says);
      return verdict !== expected.verdict || error?.name !== expected.error || error?.retryable !== expected.retryable || !isSaid;
    });
    expect(wrong).toEqual([]);
    const faults = hosts.journal.filter(({ kind }) => kind !== 'page');
    expect(new Set(faults.map(({ kind }) => kind)).size).toBe(5);
  });

  it('ask each server once for each page, and once more where that may help', () => {
    const asked = Map.groupBy(hosts.journal, ({ url }) => url);
    const times = hosts.urls.map((url) => asked.get(url)?.length);
    expect(times).toEqual(hosts.urls.map((url) => (EXPECTED[asked.get(url)![0]!.kind].retryable ? 1 + RETRIES : 1)));
    expect(asked.size).toBe(hosts.urls.length);
  });

  it('become one llms.txt a host, which names every page that succeeded', async () => {
    const { files } = await client.readManifest(record);
    const indexes = files.filter(({ path }) => /^sites\/[^/]+\/llms\.txt$/.test(path));
    expect(indexes).toHaveLength(HOSTS);
    const texts = await Promise.all(indexes.map(async ({ path }) => (await client.readFile(record, path)).toString()));
    const named = texts.flatMap((text) => [...text.matchAll(/\]\((http[^)]+)\)/g)].map(([, url]) => url!));
    const succeeded = verdicts.filter(({ verdict }) => verdict === 'succeeded').map(({ input }) => input['url'] as string);
    expect(named.sort()).toEqual(succeeded.sort());
  });

  describe('when they are verified', () => {
    let copy: () => Promise<StoredRun>;
    const verify = ({ results, manifests, ledger, tenant, run }: StoredRun) => verifyRun({ results, manifestStoreOf: () => manifests, ledger, tenant, run, processorOf: findProcessor });

    beforeAll(async () => {
      const from = {
        results: createObjectStore(client.s3, client.output('ResultsBucket')),
        manifests: createObjectStore(client.s3, client.output('ManifestsBucket')),
        ledger: client.ledger,
        tenant: record.tenant,
        run: record.run,
      };
      const stored = await copyRun(from);
      copy = () => copyRun(stored);
    });

    it('are clean', async () => {
      expect(await verify(await copy())).toMatchObject({ isClean: true, faults: [] });
    });

    it.each([...TAMPERINGS, ...LEDGER_TAMPERINGS.filter(({ what }) => !what.includes('crashed'))])('give away: $what', async ({ apply, finds }) => {
      const run = await copy();
      apply(run);
      const { isClean, faults } = await verify(run);
      expect(isClean).toBe(false);
      expect(faults.map(({ name }) => name)).toContain(finds);
    });
  });
});
