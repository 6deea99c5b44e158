import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FauxqsParts, ObjectPersistence, StoredObject } from './fauxqs-parts.ts';

/** Longest name of a path part on the common file systems is 255 bytes; the suffixes need some of them. */
const MAX_PART_BYTES = 200;
const META = '.meta.json';

export interface ObjectFiles extends ObjectPersistence {
  /** The plain file that holds the object's bytes. */
  fileOf(bucket: string, key: string): string;
}

/**
 * Objects as plain files, `<folder>/buckets/<bucket>/objects/<key>.data` with a `.meta.json` beside each.
 * Files are written aside and renamed, so that a killed process leaves either the old or the new object.
 */
export function openObjectFiles(parts: FauxqsParts, folder: string): ObjectFiles {
  mkdirSync(folder, { recursive: true });
  repairFolder(folder);
  return new (objectFilesClass(parts.FileS3Persistence))(folder);
}

function objectFilesClass(Base: FauxqsParts['FileS3Persistence']): new (folder: string) => ObjectFiles {
  return class extends Base implements ObjectFiles {
    readonly #folder: string;
    readonly #knownFolders = new Set<string>();

    constructor(folder: string) {
      super(folder);
      this.#folder = folder;
    }

    fileOf(bucket: string, key: string): string {
      return `${this.#pathOf(bucket, key)}.data`;
    }

    override readBody(bucket: string, key: string): Buffer {
      return readFileSync(this.fileOf(bucket, key));
    }

    override upsertObject(bucket: string, object: StoredObject): void {
      const path = this.#pathOf(bucket, object.key);
      this.#ensureFolder(dirname(path));
      const { body, ...record } = object;
      writeFileSync(`${path}.data.new`, body);
      writeFileSync(`${path}.meta.new`, JSON.stringify(record));
      renameSync(`${path}.data.new`, `${path}.data`);
      renameSync(`${path}.meta.new`, `${path}${META}`);
    }

    override deleteObject(bucket: string, key: string): void {
      const path = this.#pathOf(bucket, key);
      rmSync(`${path}${META}`, { force: true });
      rmSync(`${path}.data`, { force: true });
    }

    #pathOf(bucket: string, key: string): string {
      return join(this.#folder, 'buckets', bucket, 'objects', ...encodeKey(key));
    }

    #ensureFolder(folder: string): void {
      if (this.#knownFolders.has(folder)) return;
      mkdirSync(folder, { recursive: true });
      this.#knownFolders.add(folder);
    }
  };
}

function encodeKey(key: string): readonly string[] {
  const parts = key.split('/').map(encodePart);
  // A folder must not take the name of a neighbour's file.
  return parts.map((part, index) => (index < parts.length - 1 ? part.replace(/\.(data|json|new)$/, '%2e$1') : part));
}

/** One part of a key as a file name: no two keys share one, and none leaves the bucket's folder. */
function encodePart(part: string): string {
  if (part === '') return '%empty';
  // oxlint-disable-next-line no-control-regex
  const safe = part.replaceAll(/[<>:"|?*\\%\u0000-\u001f]|^\.+$/g, (text) => encodeEach(text));
  if (Buffer.byteLength(safe) <= MAX_PART_BYTES) return safe;
  return `${safe.slice(0, 40)}%long${createHash('sha256').update(part).digest('hex')}`;
}

function encodeEach(text: string): string {
  return Array.from(text, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
}

/** Puts right what a kill can leave: unfinished files and uploads, and a record that is older than its bytes. */
function repairFolder(folder: string): void {
  rmSync(join(folder, '_multipart'), { recursive: true, force: true });
  const buckets = join(folder, 'buckets');
  if (!existsSync(buckets)) return;
  for (const bucket of readdirSync(buckets)) repairBucket(join(buckets, bucket), bucket);
}

function repairBucket(folder: string, name: string): void {
  const record = join(folder, '.bucket.json');
  if (readJson(record) === undefined) {
    writeFileSync(record, JSON.stringify({ name, creationDate: new Date(statSync(folder).mtimeMs).toISOString(), type: 'general-purpose' }));
  }
  const objects = join(folder, 'objects');
  mkdirSync(objects, { recursive: true });
  for (const entry of readdirSync(objects, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) repairFile(join(entry.parentPath, entry.name));
  }
}

function repairFile(file: string): void {
  if (file.endsWith('.data.new') || file.endsWith('.meta.new')) rmSync(file, { force: true });
  if (!file.endsWith(META)) return;
  const dataFile = `${file.slice(0, -META.length)}.data`;
  const record = readJson(file);
  if (record === undefined || !existsSync(dataFile)) return rmSync(file, { force: true });
  const data = statSync(dataFile);
  if (data.size !== record['contentLength'] || data.mtimeMs > statSync(file).mtimeMs) renewRecord(file, dataFile, record);
}

function renewRecord(file: string, dataFile: string, record: Readonly<Record<string, unknown>>): void {
  const body = readFileSync(dataFile);
  const { key, contentType, metadata, contentEncoding } = record;
  const etag = `"${createHash('md5').update(body).digest('hex')}"`;
  const lastModified = new Date().toISOString();
  writeFileSync(file, JSON.stringify({ key, contentType, metadata, contentEncoding, contentLength: body.length, etag, lastModified }));
}

function readJson(file: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
