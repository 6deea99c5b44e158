import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventBridgeEvent, Principal } from '../contracts.ts';
import type { EventJournal } from './event-journal.ts';
import type { Exchange } from './exchange.ts';
import type { FauxqsApp } from './fauxqs-app.ts';
import { bucketOfUpload, findObject, objectsOf, type ObjectStore, type StoredObject } from './fauxqs-parts.ts';
import { objectCreatedEvent, type StoreReason } from './object-created-event.ts';
import type { ObjectFiles } from './object-files.ts';
import { readFormUpload } from './form-upload.ts';
import { listInKeyOrder } from './object-listing.ts';
import { sendObjectFile } from './object-reader.ts';
import { describeAbsence, describeObjectCalls, objectPath, parseObjectRequest, type ObjectRequest } from './object-request.ts';
import { ObjectVersions } from './object-versions.ts';
import { BODY_ABORTED, BODY_TOO_LARGE, readBody } from './request-body.ts';
import { checkUpload } from './upload-check.ts';
import { sendXmlError, type WireError } from './wire-answers.ts';

/** S3 takes 5 GiB in a single PUT; here each upload is held in memory once. */
const MAX_UPLOAD_BYTES = 256 * 1_048_576;

/** Parts of S3 that fauxqs does not know and would answer as if they had not been asked for. */
const UNKNOWN_SUBRESOURCES = [
  'acl', 'cors', 'encryption', 'location', 'notification', 'policy', 'publicAccessBlock', 'replication', 'tagging', 'versioning', 'versions', 'website',
];

const NO_SUCH_BUCKET: WireError = { status: 404, code: 'NoSuchBucket', message: 'The specified bucket does not exist' };
const NO_SUCH_VERSION: WireError = { status: 404, code: 'NoSuchVersion', message: 'The specified version does not exist.' };
const PRECONDITION_FAILED: WireError = { status: 412, code: 'PreconditionFailed', message: 'At least one of the pre-conditions you specified did not hold' };

interface ObjectServiceParts {
  readonly store: ObjectStore;
  /** undefined keeps objects in memory. */
  readonly files: ObjectFiles | undefined;
  readonly app: FauxqsApp;
  readonly events: Pick<EventJournal, 'note'>;
  readonly emit: (event: EventBridgeEvent) => void;
}

/** Who may sign a form, by access key. */
interface FormSigners {
  readonly secretOf: (accessKeyId: string) => string | undefined;
  readonly principalOf: (accessKeyId: string) => Principal;
  readonly reportFor: (accessKeyId: string) => Exchange['report'];
}

interface Upload {
  readonly exchange: Exchange;
  readonly reason: StoreReason;
}

/** S3 with what fauxqs lacks: versions, Object Created events, conditional writes, uploads checked before they are stored. */
export class ObjectService {
  readonly #store: ObjectStore;
  readonly #files: ObjectFiles | undefined;
  readonly #app: FauxqsApp;
  readonly #events: Pick<EventJournal, 'note'>;
  readonly #emit: (event: EventBridgeEvent) => void;
  readonly #versions: ObjectVersions;
  readonly #eventBuckets = new Set<string>();
  readonly #currentUpload = new AsyncLocalStorage<Upload>();

  constructor(parts: ObjectServiceParts) {
    this.#store = parts.store;
    this.#files = parts.files;
    this.#app = parts.app;
    this.#events = parts.events;
    this.#emit = parts.emit;
    this.#versions = new ObjectVersions(parts.store);
    this.#watchStore();
  }

  createBucket(name: string, options: { readonly isVersioned: boolean; readonly sendsEvents: boolean }): void {
    this.#store.createBucket(name);
    if (options.isVersioned) this.#versions.enable(name);
    if (options.sendsEvents) this.#eventBuckets.add(name);
  }

  async handle(exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    const body = await readBody(request, MAX_UPLOAD_BYTES);
    if (body === BODY_ABORTED) return;
    const parsed = parseObjectRequest(request);
    if (parsed === undefined) return sendXmlError(response, { status: 400, code: 'InvalidURI', message: "Couldn't parse the specified URI." });
    if (body === BODY_TOO_LARGE) return refuseLargeUpload(exchange);
    exchange.report(describeObjectCalls(parsed, body), describeAbsence(parsed));
    const refusal = this.#refusalOf(parsed);
    if (refusal !== undefined) return sendXmlError(response, refusal);
    this.#route(exchange, parsed, body);
  }

  async handleForm(request: IncomingMessage, response: ServerResponse, signers: FormSigners): Promise<void> {
    const received = await readBody(request, MAX_UPLOAD_BYTES);
    if (received === BODY_ABORTED) return;
    const bucket = parseObjectRequest(request)?.bucket ?? '';
    if (received === BODY_TOO_LARGE) return refuseLargeUpload({ request, response });
    const reading = await readFormUpload({ bucket, contentType: request.headers['content-type']!, body: received, now: Date.now(), secretOf: signers.secretOf });
    if (!reading.ok) return sendXmlError(response, reading.error);
    const { accessKeyId, key, contentType, metadata, body } = reading.upload;
    const exchange = { request, response, principal: signers.principalOf(accessKeyId), report: signers.reportFor(accessKeyId) };
    const parsed: ObjectRequest = { method: 'PUT', bucket, key, query: new URLSearchParams(), copySource: undefined };
    exchange.report(describeObjectCalls(parsed, body));
    const refusal = objectsOf(this.#store, bucket) === undefined ? NO_SUCH_BUCKET : this.#refusalOf(parsed);
    if (refusal !== undefined) return sendXmlError(response, refusal);
    this.#currentUpload.run({ exchange, reason: 'POST Object' }, () => this.#store.putObject(bucket, key, body, contentType, { ...metadata }));
    response.writeHead(204).end();
  }

  #refusalOf({ bucket, key, method, query, copySource }: ObjectRequest): WireError | undefined {
    if (this.#versions.isHidden(bucket) || (copySource !== undefined && this.#versions.isHidden(copySource.bucket))) return NO_SUCH_BUCKET;
    const unknown = UNKNOWN_SUBRESOURCES.find((name) => query.has(name)) ?? (method === 'GET' && (query.has('uploads') || query.has('uploadId')) ? 'uploads' : undefined);
    if (unknown !== undefined) return { status: 501, code: 'NotImplemented', message: `The embedded S3 does not implement ?${unknown}` };
    if (Buffer.byteLength(key) > 1024) return { status: 400, code: 'KeyTooLongError', message: 'Your key is too long' };
    return undefined;
  }

  #route(exchange: Exchange, parsed: ObjectRequest, body: Buffer): void {
    const { method, key } = parsed;
    if (key === '') return this.#routeBucket(exchange, parsed, body);
    if (method === 'GET' || method === 'HEAD') return this.#read(exchange, parsed);
    if (method === 'DELETE') return this.#delete(exchange, parsed);
    this.#write(exchange, parsed, body);
  }

  #routeBucket({ request, response }: Exchange, { bucket, method }: ObjectRequest, body: Buffer): void {
    if (bucket === '' && method === 'GET') return sendXmlError(response, { status: 501, code: 'NotImplemented', message: 'The embedded S3 does not list buckets' });
    request.headers['content-type'] ??= 'application/octet-stream';
    this.#app.dispatch(request, response, body);
  }

  #read({ request, response }: Exchange, { bucket, key, query, method }: ObjectRequest): void {
    let place = { bucket, key };
    const versionId = this.#versions.isVersioned(bucket) ? query.get('versionId') ?? this.#versions.latest(bucket, key) : undefined;
    if (versionId !== undefined) {
      const version = this.#versions.locate(bucket, key, versionId);
      if (version === undefined) return sendXmlError(response, NO_SUCH_VERSION);
      place = version;
      response.setHeader('x-amz-version-id', versionId);
      query.delete('versionId');
      request.url = `${objectPath(place.bucket, place.key)}?${query.toString()}`;
    }
    const object = findObject(this.#store, place.bucket, place.key);
    if (method === 'GET' && this.#files !== undefined && object !== undefined && isPlainRead(request.headers, query)) {
      return sendObjectFile(request, response, object, this.#files.fileOf(place.bucket, place.key));
    }
    this.#app.dispatch(request, response, undefined);
  }

  #delete({ request, response }: Exchange, { bucket, key, query }: ObjectRequest): void {
    const versionId = query.get('versionId');
    if (this.#versions.isVersioned(bucket) && !query.has('uploadId')) {
      response.setHeader('x-amz-version-id', versionId ?? this.#versions.newVersionId());
      if (versionId !== null) {
        this.#versions.remove(bucket, key, versionId);
        response.writeHead(204).end();
        return;
      }
      response.setHeader('x-amz-delete-marker', 'true');
    }
    this.#app.dispatch(request, response, undefined);
  }

  #write(exchange: Exchange, parsed: ObjectRequest, received: Buffer): void {
    const { request, response } = exchange;
    const upload = parsed.method === 'PUT' ? checkUpload(request.headers, received) : { ok: true as const, body: received, trailers: {} };
    if (!upload.ok) return sendXmlError(response, upload.error);
    if (!this.#holdsCondition(exchange, parsed)) return sendXmlError(response, PRECONDITION_FAILED);
    if (!this.#pointCopyAtVersion(exchange, parsed)) return sendXmlError(response, NO_SUCH_VERSION);
    Object.assign(request.headers, upload.trailers);
    request.headers['content-type'] ??= 'binary/octet-stream';
    dropTransferEncoding(request.headers);
    // fauxqs reads no body at all when the length is zero.
    request.headers['content-length'] = String(Math.max(1, upload.body.length));
    this.#currentUpload.run({ exchange, reason: reasonOf(parsed) }, () => this.#app.dispatch(request, response, upload.body));
  }

  #holdsCondition({ request }: Exchange, { bucket, key, query, method }: ObjectRequest): boolean {
    if (query.has('partNumber') || (method === 'POST' && !query.has('uploadId'))) return true;
    const etag = findObject(this.#store, bucket, key)?.etag;
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
    if (ifNoneMatch === '*' && etag !== undefined) return false;
    return ifMatch === undefined || ifMatch.replaceAll('"', '') === etag?.replaceAll('"', '');
  }

  #pointCopyAtVersion({ request, response }: Exchange, { copySource }: ObjectRequest): boolean {
    if (copySource?.versionId === undefined) return true;
    const version = this.#versions.locate(copySource.bucket, copySource.key, copySource.versionId);
    if (version === undefined) return false;
    request.headers['x-amz-copy-source'] = objectPath(version.bucket, version.key);
    response.setHeader('x-amz-copy-source-version-id', copySource.versionId);
    return true;
  }

  /** Every stored object passes here, so none can miss its version or its event; every listing, so pages fit together. */
  #watchStore(): void {
    const store = this.#store;
    const put = store.putObject.bind(store);
    const complete = store.completeMultipartUpload.bind(store);
    const list = store.listObjects.bind(store);
    store.listObjects = (bucket, options) => {
      const objects = objectsOf(store, bucket);
      return objects === undefined ? list(bucket, options) : listInKeyOrder(objects, options);
    };
    store.putObject = (bucket, ...rest) => this.#afterStoring(bucket, put(bucket, ...rest));
    store.completeMultipartUpload = (uploadId, specs) => {
      const bucket = bucketOfUpload(store, uploadId) ?? '';
      return this.#afterStoring(bucket, complete(uploadId, specs));
    };
  }

  #afterStoring(bucket: string, object: StoredObject): StoredObject {
    const versionId = this.#versions.isVersioned(bucket) ? this.#versions.keep(bucket, object) : undefined;
    const upload = this.#currentUpload.getStore();
    if (upload === undefined) return object;
    const { response } = upload.exchange;
    const requestId = randomBytes(8).toString('hex').toUpperCase();
    response.setHeader('x-amz-request-id', requestId);
    if (versionId !== undefined) response.setHeader('x-amz-version-id', versionId);
    if (!this.#eventBuckets.has(bucket)) return object;
    const { key, contentLength: sizeBytes, etag } = object;
    const sequencer = (versionId ?? this.#versions.newVersionId()).slice(0, 18).toUpperCase();
    const event = objectCreatedEvent({ bucket, key, sizeBytes, etag, versionId, sequencer, requestId, reason: upload.reason }, Date.now());
    // Before the answer: an upload that was answered has its event, whatever becomes of this process.
    this.#events.note(event);
    // Also after a client that is gone: the object is there.
    response.once('close', () => this.#emit(event));
    return object;
  }
}

/** `aws-chunked` was the way here; it is no property of the object. */
function dropTransferEncoding(headers: Exchange['request']['headers']): void {
  const names = (headers['content-encoding'] ?? '').split(',').map((name) => name.trim());
  const kept = names.filter((name) => name !== '' && name !== 'aws-chunked').join(',');
  if (kept === '') delete headers['content-encoding'];
  else headers['content-encoding'] = kept;
}

function isPlainRead(headers: Exchange['request']['headers'], query: URLSearchParams): boolean {
  const isConditional = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'].some((name) => headers[name] !== undefined);
  return !isConditional && !query.has('partNumber') && !query.has('attributes');
}

function reasonOf({ method, copySource }: ObjectRequest): StoreReason {
  if (method === 'POST') return 'CompleteMultipartUpload';
  return copySource === undefined ? 'PutObject' : 'CopyObject';
}

function refuseLargeUpload({ request, response }: Pick<Exchange, 'request' | 'response'>): void {
  response.setHeader('connection', 'close');
  const message = `Your proposed upload exceeds the maximum allowed size of ${MAX_UPLOAD_BYTES} bytes; use a multipart upload`;
  sendXmlError(response, { status: 400, code: 'EntityTooLarge', message });
  request.resume();
}
