import type { IncomingMessage } from 'node:http';

/** An S3 request in path style. `bucket` and `key` are decoded and may be empty. */
export interface ObjectRequest {
  readonly method: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  /** Where a copy comes from, if it is one. */
  readonly copySource: ObjectName | undefined;
}

export interface ObjectName {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
}

export interface ResourceCall {
  readonly action: string;
  readonly resource: string;
}

const NO_QUERY = new URLSearchParams();

/** @returns undefined when the path or the copy source is no valid percent-encoding. */
export function parseObjectRequest(request: IncomingMessage): ObjectRequest | undefined {
  const url = request.url ?? '/';
  const mark = url.indexOf('?');
  const query = mark < 0 ? NO_QUERY : new URLSearchParams(url.slice(mark + 1));
  const copyHeader = request.headers['x-amz-copy-source'];
  try {
    const { bucket, key } = splitPath(mark < 0 ? url : url.slice(0, mark));
    return { method: request.method ?? 'GET', bucket, key, query, copySource: typeof copyHeader === 'string' ? parseCopySource(copyHeader) : undefined };
  } catch {
    return undefined;
  }
}

/** The path that reads back as this bucket and key, without a query. */
export function objectPath(bucket: string, key: string): string {
  return `/${bucket}/${encodeURIComponent(key).replaceAll('%2F', '/')}`;
}

function parseCopySource(header: string): ObjectName {
  const [path = '', query = ''] = header.split('?', 2);
  return { ...splitPath(path), versionId: new URLSearchParams(query).get('versionId') ?? undefined };
}

function splitPath(path: string): { bucket: string; key: string } {
  const start = path.startsWith('/') ? 1 : 0;
  const slash = path.indexOf('/', start);
  if (slash < 0) return { bucket: decodeURIComponent(path.slice(start)), key: '' };
  return { bucket: decodeURIComponent(path.slice(start, slash)), key: decodeURIComponent(path.slice(slash + 1)) };
}

/** The permissions that IAM would look for; the body matters to DeleteObjects only. */
export function describeObjectCalls(request: ObjectRequest, body: Buffer): readonly ResourceCall[] {
  const { bucket, key, method, copySource } = request;
  if (bucket === '') return [{ action: 's3:ListAllMyBuckets', resource: '*' }];
  if (key === '') return describeBucketCalls(request, body);
  const calls = [{ action: objectAction(request), resource: arnOf(bucket, key) }];
  // S3's reference: GetObject of a version asks for GetObjectVersion alone, HeadObject for GetObject as well.
  if (method === 'HEAD' && request.query.has('versionId')) calls.push({ action: 's3:GetObject', resource: arnOf(bucket, key) });
  if (method === 'PUT' && copySource !== undefined) {
    const action = copySource.versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion';
    calls.push({ action, resource: arnOf(copySource.bucket, copySource.key) });
  }
  return calls;
}

/** S3 says 403 instead of 404 to whoever may not list the bucket. */
export function describeAbsence({ bucket, key, method }: ObjectRequest): readonly ResourceCall[] {
  const isRead = key !== '' && (method === 'GET' || method === 'HEAD');
  return isRead ? [{ action: 's3:ListBucket', resource: `arn:aws:s3:::${bucket}` }] : [];
}

function describeBucketCalls({ bucket, method, query }: ObjectRequest, body: Buffer): readonly ResourceCall[] {
  if (method === 'POST' && query.has('delete')) {
    return keysToDelete(body).map((key) => ({ action: 's3:DeleteObject', resource: arnOf(bucket, key) }));
  }
  return [{ action: BUCKET_ACTIONS[method] ?? 's3:ListBucket', resource: `arn:aws:s3:::${bucket}` }];
}

const BUCKET_ACTIONS: Readonly<Record<string, string>> = { PUT: 's3:CreateBucket', DELETE: 's3:DeleteBucket' };

function objectAction({ method, query }: ObjectRequest): string {
  if (method === 'PUT' || method === 'POST') return 's3:PutObject';
  if (method === 'DELETE' && query.has('uploadId')) return 's3:AbortMultipartUpload';
  const version = query.has('versionId') ? 'Version' : '';
  if (method === 'DELETE') return `s3:DeleteObject${version}`;
  return `s3:GetObject${version}${query.has('attributes') ? 'Attributes' : ''}`;
}

function keysToDelete(body: Buffer): readonly string[] {
  return [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) =>
    key.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&apos;', "'").replaceAll('&amp;', '&'),
  );
}

function arnOf(bucket: string, key: string): string {
  return `arn:aws:s3:::${bucket}/${key}`;
}
