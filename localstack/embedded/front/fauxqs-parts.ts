import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { buildApp } from 'fauxqs';

type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>['stores']>;
export type ObjectStore = Stores['s3Store'];
export type QueueStore = Stores['sqsStore'];
export type TopicStore = Stores['snsStore'];
export type Queue = NonNullable<ReturnType<QueueStore['getQueue']>>;
export type StoredObject = ReturnType<ObjectStore['headObject']>;
export type ObjectPersistence = NonNullable<ObjectStore['persistence']>;
export type QueuePersistence = NonNullable<QueueStore['persistence']> & {
  loadSqsAndSns(queues: QueueStore, topics: TopicStore): void;
  close(): void;
};

export interface ReceivedMessage {
  readonly ReceiptHandle: string;
}

export type ReceiveMessage = (
  input: Readonly<Record<string, unknown>>,
  store: QueueStore,
) => Promise<{ readonly Messages?: readonly ReceivedMessage[] | undefined }>;

/** The parts of fauxqs that its package keeps to itself: its public `startFauxqs` listens on every interface. */
export interface FauxqsParts {
  readonly S3Store: new () => ObjectStore;
  readonly SqsStore: new () => QueueStore;
  readonly SnsStore: new () => TopicStore;
  readonly PersistenceManager: new (folder: string) => QueuePersistence;
  readonly FileS3Persistence: new (folder: string) => ObjectPersistence;
  readonly receiveMessage: ReceiveMessage;
}

const MODULES = [
  's3/s3Store.js',
  'sqs/sqsStore.js',
  'sns/snsStore.js',
  'persistence.js',
  's3/fileS3Persistence.js',
  'sqs/actions/receiveMessage.js',
];

/** @throws Error when the installed fauxqs is laid out otherwise than 2.4. */
export async function loadFauxqsParts(): Promise<FauxqsParts> {
  const packageFile = findPackageJSON('fauxqs', import.meta.url);
  if (packageFile === undefined) throw new Error('expected the package fauxqs to be installed; run `npm ci`');
  const load = (file: string): Promise<object> => import(pathToFileURL(join(dirname(packageFile), 'dist', file)).href) as Promise<object>;
  const parts: Record<string, unknown> = {};
  for (const module of await Promise.all(MODULES.map(load))) Object.assign(parts, module);
  return parts as unknown as FauxqsParts;
}

/** fauxqs's own maps, which its types keep private; its public getters throw or read whole bodies. */
interface ObjectMaps {
  readonly buckets: ReadonlyMap<string, ReadonlyMap<string, StoredObject>>;
  readonly multipartUploads: ReadonlyMap<string, { readonly bucket: string }>;
}

/** @returns undefined when there is no such bucket. */
export function objectsOf(store: ObjectStore, bucket: string): ReadonlyMap<string, StoredObject> | undefined {
  return (store as unknown as ObjectMaps).buckets.get(bucket);
}

export function findObject(store: ObjectStore, bucket: string, key: string): StoredObject | undefined {
  return objectsOf(store, bucket)?.get(key);
}

export function bucketOfUpload(store: ObjectStore, uploadId: string): string | undefined {
  return (store as unknown as ObjectMaps).multipartUploads.get(uploadId)?.bucket;
}

export function queuesByUrl(store: QueueStore): Map<string, Queue> {
  return (store as unknown as { readonly queues: Map<string, Queue> }).queues;
}
