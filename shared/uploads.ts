import { BrokenObjectError, UploadsRefusedError } from './errors.ts';
import type { ObjectStore, StoredObject } from './ports.ts';

/** Reads one uploaded object of the run's own tenant, for a processor. */
export type UploadReader = (request: UploadRequest) => Promise<UploadAnswer>;

export interface UploadRequest {
  /** Below the tenant's own prefix; `uploadKeyFault` says which are allowed. */
  readonly key: string;
  /** A larger object is not read. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export type UploadAnswer =
  | { readonly kind: 'object'; readonly body: Uint8Array; /** As it was uploaded with; '' if it names none. */ readonly contentType: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'too large'; readonly bytes: number };

const READ_ATTEMPTS = 3;

/**
 * The tenant is fixed here, by whoever knows the run: a key reaches nothing but what lies below the tenant's prefix.
 * @param uploads undefined: this worker may read none, and says so when it is asked
 */
export function createUploadReader(uploads: ObjectStore | undefined, tenant: string): UploadReader {
  return async ({ key, maxBytes, signal }) => {
    if (!uploads) throw new UploadsRefusedError('expected a worker class that may read uploads (`readsUploads` in cdk/worker-classes.ts), this one may not');
    const fault = uploadKeyFault(key);
    if (fault !== undefined) throw new UploadsRefusedError(fault);
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted();
      try {
        return await readOnce(await uploads.open(`${tenant}/${key}`), maxBytes, signal);
      } catch (error) {
        if (!(error instanceof BrokenObjectError) || attempt === READ_ATTEMPTS) throw error;
      }
    }
  };
}

async function readOnce(object: StoredObject | undefined, maxBytes: number, signal: AbortSignal): Promise<UploadAnswer> {
  if (!object) return { kind: 'missing' };
  const { bytes, contentType } = object;
  const chunks: Uint8Array[] = [];
  // Leaving the loop closes the connection: a body that is not wanted must be begun all the same.
  for await (const chunk of object.body) {
    signal.throwIfAborted();
    if (bytes > maxBytes) return { kind: 'too large', bytes };
    chunks.push(chunk);
  }
  return { kind: 'object', body: Buffer.concat(chunks), contentType };
}

/** S3 takes keys of 1,024 bytes; a tenant's id with its slash has up to 64. */
const MAX_KEY_BYTES = 960;

/** @returns what is wrong with a key below a tenant's prefix, or undefined */
export function uploadKeyFault(key: string): string | undefined {
  const expected = (what: string) => `expected the key of an upload, such as \`reports/2026.pdf\`, ${what}, got ${JSON.stringify(key.slice(0, 200))}`;
  if (key === '') return expected('not empty');
  if (!key.isWellFormed() || /\p{Cc}/u.test(key)) return expected('without control characters');
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return expected(`of at most ${MAX_KEY_BYTES} bytes`);
  if (key.split('/').some((part) => part === '' || part === '.' || part === '..')) return expected('below the tenant\'s own prefix: no `/` at its ends, no empty part, no `.` and no `..`');
  return undefined;
}

/** Reads none: of tests, and of workers without uploads. */
export const NO_UPLOADS: UploadReader = createUploadReader(undefined, '');
