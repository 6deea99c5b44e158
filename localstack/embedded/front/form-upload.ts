import { createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { readMultipart, type FormField, type FormFile } from '../../../shared/multipart.ts';
import type { WireError } from './wire-answers.ts';

/** What a form stores, once its policy allowed it. */
export interface FormUpload {
  readonly accessKeyId: string;
  readonly key: string;
  readonly contentType: string;
  /** `x-amz-meta-*` without the prefix. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export type FormReading = { readonly ok: true; readonly upload: FormUpload } | { readonly ok: false; readonly error: WireError };

interface FormRequest {
  readonly bucket: string;
  readonly contentType: string;
  readonly body: Buffer;
  readonly now: number;
  /** undefined: nobody has this access key. */
  readonly secretOf: (accessKeyId: string) => string | undefined;
}

interface Policy {
  readonly expiration: string;
  readonly conditions: readonly unknown[];
}

const CREDENTIAL = /^([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request$/;
const META_PREFIX = 'x-amz-meta-';
/** Amazon S3's documentation, "POST policy": every other field needs a condition. */
const FREE_FIELDS = new Set(['file', 'policy', 'x-amz-signature']);
const FREE_PREFIX = 'x-ignore-';

export const isFormUpload = ({ method, headers }: IncomingMessage): boolean => method === 'POST' && /^multipart\/form-data\s*;/i.test(headers['content-type'] ?? '');

/** A form as browsers send it to a bucket (S3: POST Object), signed with Signature Version 4: it may do what its policy says, until that expires. */
export async function readFormUpload({ bucket, contentType, body, now, secretOf }: FormRequest): Promise<FormReading> {
  const form = await readMultipart(contentType, body).catch(() => undefined);
  if (!form) return refused(400, 'MalformedPOSTRequest', 'The body of your POST request is not well-formed multipart/form-data.');
  const { fields, file } = readFields(form);
  if (!file) return refused(400, 'InvalidArgument', 'POST requires exactly one file upload per request.');
  const [, accessKeyId, day, region] = CREDENTIAL.exec(fields.get('x-amz-credential') ?? '') ?? [];
  const secret = accessKeyId === undefined ? undefined : secretOf(accessKeyId);
  if (secret === undefined) return refused(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  const text = fields.get('policy') ?? '';
  if (fields.get('x-amz-signature') !== sign(secret, [day!, region!, 's3', 'aws4_request', text])) return refused(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided.');
  const key = (fields.get('key') ?? '').replaceAll('${filename}', file.name);
  const fault = policyFault(readPolicy(text), { fields: new Map([...fields, ['bucket', bucket], ['key', key]]), bytes: file.bytes.byteLength, now });
  if (fault) return { ok: false, error: fault };
  const metadata = Object.fromEntries([...fields].filter(([name]) => name.startsWith(META_PREFIX)).map(([name, value]) => [name.slice(META_PREFIX.length), value]));
  return { ok: true, upload: { accessKeyId: accessKeyId!, key, contentType: fields.get('content-type') ?? 'binary/octet-stream', metadata, body: Buffer.from(file.bytes) } };
}

/** Fields behind the file are ignored. */
function readFields(form: readonly FormField[]): { readonly fields: ReadonlyMap<string, string>; readonly file: FormFile | undefined } {
  const fields = new Map<string, string>();
  for (const [name, value] of form) {
    if (name.toLowerCase() === 'file') return { fields, file: typeof value === 'string' ? { name: '', contentType: '', bytes: Buffer.from(value) } : value };
    if (typeof value === 'string') fields.set(name.toLowerCase(), value);
  }
  return { fields, file: undefined };
}

/** The last part is what is signed; the others make the key (AWS: "Deriving a signing key"). */
function sign(secret: string, parts: readonly string[]): string {
  let key: Buffer | string = `AWS4${secret}`;
  for (const part of parts) key = createHmac('sha256', key).update(part).digest();
  return (key as Buffer).toString('hex');
}

function readPolicy(text: string): Policy | undefined {
  try {
    const { expiration, conditions } = JSON.parse(Buffer.from(text, 'base64').toString()) as Partial<Policy>;
    return typeof expiration === 'string' && Array.isArray(conditions) ? { expiration, conditions } : undefined;
  } catch {
    return undefined;
  }
}

interface Sent {
  readonly fields: ReadonlyMap<string, string>;
  readonly bytes: number;
  readonly now: number;
}

function policyFault(policy: Policy | undefined, { fields, bytes, now }: Sent): WireError | undefined {
  const denied = (why: string): WireError => ({ status: 403, code: 'AccessDenied', message: `Invalid according to Policy: ${why}` });
  if (!policy) return { status: 400, code: 'InvalidPolicyDocument', message: 'Invalid Policy: expected JSON with `expiration` and `conditions`.' };
  if (!(now < Date.parse(policy.expiration))) return denied('Policy expired.');
  const named = new Set(['bucket']);
  for (const condition of policy.conditions) {
    const [kind, field, value] = Array.isArray(condition) ? (condition as unknown[]) : ['eq', ...Object.entries(condition as object)[0]!];
    if (kind === 'content-length-range') {
      if (bytes < Number(field)) return { status: 400, code: 'EntityTooSmall', message: 'Your proposed upload is smaller than the minimum allowed object size.' };
      if (bytes > Number(value)) return { status: 400, code: 'EntityTooLarge', message: 'Your proposed upload exceeds the maximum allowed object size' };
      continue;
    }
    const name = String(field).replace(/^\$/, '').toLowerCase();
    const sent = fields.get(name) ?? '';
    named.add(name);
    const isMet = kind === 'eq' ? sent === value : kind === 'starts-with' && sent.startsWith(String(value));
    if (!isMet) return denied(`Policy Condition failed: ${JSON.stringify(condition)}`);
  }
  const extra = [...fields.keys()].find((name) => !named.has(name) && !FREE_FIELDS.has(name) && !name.startsWith(FREE_PREFIX));
  return extra === undefined ? undefined : denied(`Extra input fields: ${extra}`);
}

const refused = (status: number, code: string, message: string): FormReading => ({ ok: false, error: { status, code, message } });
