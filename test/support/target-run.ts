import { gunzipSync } from 'node:zlib';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { hasEnded } from '../../cli/run-state.ts';
import { createDynamo, createS3 } from '../../shared/aws/clients.ts';
import { createRunLedger } from '../../shared/aws/run-ledger.ts';
import { runIdOf } from '../../shared/names.ts';
import { countRun, isPlanned, readAllShards } from '../../shared/planned-run.ts';
import type { RunLedger } from '../../shared/ports.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { Counts, RunManifest } from '../../shared/rows.ts';
import type { Target } from './targets/target.ts';

/** A run on a target as its user sees it: upload, wait, read. Results are read without the product's own readers. */
export class TargetClient {
  readonly target: Target;
  readonly s3: S3Client;
  readonly ledger: RunLedger;

  constructor(target: Target) {
    this.target = target;
    const access = { endpoint: target.endpoint, region: target.region, credentials: target.credentials };
    this.s3 = createS3(access);
    this.ledger = createRunLedger(createDynamo(access), this.output('ProgressTable'));
  }

  output(name: string): string {
    const value = this.target.outputs[name];
    if (value === undefined) throw new Error(`expected the output ${name} of the stack, it has ${Object.keys(this.target.outputs).join(', ')}`);
    return value;
  }

  /** @returns the id that the run of this upload must have */
  async upload(key: string, body: string | Uint8Array, metadata: Record<string, string> = {}): Promise<string> {
    const Bucket = this.output('ManifestsBucket');
    const { VersionId } = await this.s3.send(new PutObjectCommand({ Bucket, Key: key, Body: Buffer.from(body), Metadata: metadata }));
    if (!VersionId) throw new Error(`expected a version id of ${key}: the bucket of manifests must be versioned`);
    return runIdOf({ bucket: Bucket, key, version: VersionId });
  }

  /** Reads the run again and again until it has ended; each read's counts go to `onCounts`. */
  async waitForEnd(run: string, { timeoutMs = 120_000, pollMs = 100, onCounts = () => {} }: { timeoutMs?: number; pollMs?: number; onCounts?: (counts: Counts) => void } = {}): Promise<RunRecord> {
    const giveUpAt = Date.now() + timeoutMs;
    for (;;) {
      const record = await this.ledger.readRun(run);
      if (isPlanned(record)) onCounts(countRun(record, await readAllShards(this.ledger, record)));
      if (record && hasEnded(record)) return record;
      if (Date.now() > giveUpAt) throw new Error(`expected run ${run} to end within ${timeoutMs / 1000} s, it is ${record?.state ?? 'unknown'}`);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async readManifest(run: RunRecord): Promise<RunManifest> {
    return JSON.parse((await this.readObject(this.output('ResultsBucket'), `${run.tenant}/${run.run}/manifest.json`)).toString()) as RunManifest;
  }

  /** Every row of every result file that manifest.json lists: verdict rows only, in no order. */
  async readVerdicts(run: RunRecord): Promise<StoredRow[]> {
    const { files } = await this.readManifest(run);
    const rows: StoredRow[] = [];
    for (const { path } of files.filter((file) => file.path.startsWith('results/'))) {
      const text = gunzipSync(await this.readFile(run, path)).toString();
      for (const line of text.trimEnd().split('\n')) rows.push(JSON.parse(line) as StoredRow);
    }
    return rows.filter((row) => row.verdict !== undefined);
  }

  readFile(run: RunRecord, path: string): Promise<Buffer> {
    return this.readObject(this.output('ResultsBucket'), `${run.tenant}/${run.run}/${path}`);
  }

  async readObject(bucket: string, key: string): Promise<Buffer> {
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return Buffer.from(await Body!.transformToByteArray());
  }

  async exists(bucket: string, key: string): Promise<boolean> {
    return this.s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key })).then(
      () => true,
      () => false,
    );
  }

  async listKeys(bucket: string, prefix: string): Promise<string[]> {
    const { Contents = [] } = await this.s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
    return Contents.map(({ Key }) => Key!);
  }
}

export interface StoredRow {
  readonly line: number;
  readonly id?: string;
  readonly input: Record<string, unknown>;
  readonly verdict?: 'succeeded' | 'failed' | 'skipped';
  readonly reason?: string;
  readonly duplicateOf?: number;
  readonly error?: { readonly name: string; readonly message: string; readonly retryable: boolean };
  readonly output?: Record<string, unknown>;
}
