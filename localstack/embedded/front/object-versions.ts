import { createHash, randomBytes } from 'node:crypto';
import { findObject, type ObjectStore, type StoredObject } from './fauxqs-parts.ts';

/** S3 allows 63 characters for a bucket's name; the hidden companion's suffix takes ten. */
const SUFFIX = '--versions';
const MAX_VERSIONED_NAME_LENGTH = 63 - SUFFIX.length;

/** Keeps every version of an object in a hidden companion bucket, as `<hash of the key>/<version id>`. */
export class ObjectVersions {
  readonly #store: ObjectStore;
  /** Version ids by companion key's folder, oldest first. */
  readonly #versions = new Map<string, string[]>();
  readonly #buckets = new Set<string>();
  readonly #nextVersionId = versionIds();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Also finds the versions that an earlier process stored. */
  enable(bucket: string): void {
    if (bucket.length > MAX_VERSIONED_NAME_LENGTH) {
      throw new Error(`expected a versioned bucket's name of at most ${MAX_VERSIONED_NAME_LENGTH} characters, got ${bucket}; shorten it`);
    }
    if (this.#buckets.has(bucket)) return;
    this.#store.createBucket(companionOf(bucket));
    this.#buckets.add(bucket);
    const found = this.#store.listObjects(companionOf(bucket), { maxKeys: Number.MAX_SAFE_INTEGER }).objects;
    const keys = found.map((object) => object.key).sort();
    for (const key of keys) this.#note(`${bucket}/${key.slice(0, key.indexOf('/'))}`, key.slice(key.indexOf('/') + 1));
  }

  isVersioned(bucket: string): boolean {
    return this.#buckets.has(bucket);
  }

  isHidden(bucket: string): boolean {
    return bucket.endsWith(SUFFIX) && this.#buckets.has(bucket.slice(0, -SUFFIX.length));
  }

  /** Keeps the bytes of an object that was just stored. @returns its version id, which sorts by time. */
  keep(bucket: string, object: StoredObject): string {
    const versionId = this.#nextVersionId();
    const copy = { ...object, key: `${folderOf(object.key)}/${versionId}` };
    const { persistence } = this.#store;
    persistence?.upsertObject(companionOf(bucket), copy);
    this.#store.restoreObject(companionOf(bucket), persistence === undefined ? copy : { ...copy, body: Buffer.alloc(0) });
    this.#note(`${bucket}/${folderOf(object.key)}`, versionId);
    return versionId;
  }

  /** The latest version's id, unless the object is deleted. */
  latest(bucket: string, key: string): string | undefined {
    if (findObject(this.#store, bucket, key) === undefined) return undefined;
    return this.#versions.get(`${bucket}/${folderOf(key)}`)?.at(-1);
  }

  /** Where a version's bytes are, or undefined when there is no such version. */
  locate(bucket: string, key: string, versionId: string): { readonly bucket: string; readonly key: string } | undefined {
    const place = { bucket: companionOf(bucket), key: `${folderOf(key)}/${versionId}` };
    return findObject(this.#store, place.bucket, place.key) === undefined ? undefined : place;
  }

  /** Takes one version away for good; the one before it becomes the latest. */
  remove(bucket: string, key: string, versionId: string): void {
    const place = this.locate(bucket, key, versionId);
    if (place === undefined) return;
    const wasLatest = this.latest(bucket, key) === versionId;
    this.#store.deleteObject(place.bucket, place.key);
    const left = this.#versions.get(`${bucket}/${folderOf(key)}`)?.filter((known) => known !== versionId) ?? [];
    this.#versions.set(`${bucket}/${folderOf(key)}`, left);
    if (wasLatest) this.#showLatest(bucket, key, left.at(-1));
  }

  #showLatest(bucket: string, key: string, versionId: string | undefined): void {
    if (versionId === undefined) return this.#store.deleteObject(bucket, key);
    const kept = this.#store.getObject(companionOf(bucket), `${folderOf(key)}/${versionId}`);
    const { persistence } = this.#store;
    persistence?.upsertObject(bucket, { ...kept, key });
    this.#store.restoreObject(bucket, { ...kept, key, ...(persistence !== undefined && { body: Buffer.alloc(0) }) });
  }

  newVersionId(): string {
    return this.#nextVersionId();
  }

  #note(folder: string, versionId: string): void {
    const known = this.#versions.get(folder);
    if (known === undefined) this.#versions.set(folder, [versionId]);
    else known.push(versionId);
  }
}

function companionOf(bucket: string): string {
  return `${bucket}${SUFFIX}`;
}

function folderOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** 12 hexadecimal digits of milliseconds, 4 of a counter within the process, 16 of chance. */
function versionIds(): () => string {
  let lastMs = 0;
  let count = 0;
  return () => {
    const now = Date.now();
    count = now > lastMs ? 0 : count + 1;
    lastMs = Math.max(lastMs, now);
    return `${lastMs.toString(16).padStart(12, '0')}${count.toString(16).padStart(4, '0')}${randomBytes(8).toString('hex')}`;
  };
}
