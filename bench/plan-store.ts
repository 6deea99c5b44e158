import { createReadStream, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startFront } from '../localstack/embedded/front/service-front.ts';
import { createS3 } from '../shared/aws/clients.ts';
import { createObjectStore } from '../shared/aws/object-store.ts';
import { uploadManifest } from '../shared/aws/upload-manifest.ts';
import type { ObjectStore } from '../shared/ports.ts';
import type { ManifestSource } from '../shared/rows.ts';
import { FolderObjectStore } from './folder-object-store.ts';

/** Where the planner's benchmark reads its manifest and writes its plan. */
export interface PlanStore {
  readonly source: ManifestSource;
  readonly manifests: ObjectStore;
  readonly results: ObjectStore;
  close(): Promise<void>;
}

export type PlanStoreName = 'folder' | 'embedded';

const MANIFESTS = 'manifests';
const RESULTS = 'results';

/** Plain files: the planner without a service between it and the disk. */
export function openFolderStore(folder: string, key: string): PlanStore {
  const source = { bucket: MANIFESTS, key, version: '1', bytes: statSync(join(folder, key)).size, etag: '' };
  rmSync(join(folder, 'bench'), { recursive: true, force: true });
  const store = new FolderObjectStore(RESULTS, folder);
  return { source, manifests: store, results: store, close: () => Promise.resolve() };
}

/** The embedded stack's S3 over HTTP, in this process as on the laptop; its files persist below the folder. */
export async function openEmbeddedStore(folder: string, key: string): Promise<PlanStore> {
  const { s3, stop } = await startEmbedded(folder);
  const source = JSON.parse(readFileSync(sourceFile(folder, key), 'utf8')) as ManifestSource;
  return { source, manifests: createObjectStore(s3, MANIFESTS), results: createObjectStore(s3, RESULTS), close: stop };
}

export const isUploaded = (folder: string, key: string): boolean => existsSync(sourceFile(folder, key));

export async function uploadToEmbedded(folder: string, key: string): Promise<void> {
  const { s3, stop } = await startEmbedded(folder);
  const source = await uploadManifest(s3, MANIFESTS, { key, body: createReadStream(join(folder, key)), metadata: {} });
  writeFileSync(sourceFile(folder, key), JSON.stringify(source));
  await stop();
}

const sourceFile = (folder: string, key: string): string => join(folder, `${key}.source.json`);

async function startEmbedded(folder: string) {
  const front = await startFront({ dataFolder: join(folder, 'embedded') });
  await front.createBucket(MANIFESTS, { isVersioned: true, sendsEvents: false });
  await front.createBucket(RESULTS, { isVersioned: false, sendsEvents: false });
  const s3 = createS3({ endpoint: front.endpoint, region: 'us-east-1', credentials: front.credentialsFor('operator') });
  const stop = async () => {
    s3.destroy();
    await front.stop();
  };
  return { s3, stop };
}
