import { createHash, timingSafeEqual } from 'node:crypto';

/** What a key may do with its tenant's work and keys. Each is given by name: none includes another. */
export const SCOPES = ['read', 'submit', 'manage', 'admin'] as const;
/** Of who runs the stack: workers, limits and tenants, of all. No key can make one that has it: the stack's owner does (`spillway keys create --scope operator`). */
export const OPERATOR_SCOPE = 'operator';
export const ALL_SCOPES = [...SCOPES, OPERATOR_SCOPE] as const;
export type Scope = (typeof ALL_SCOPES)[number];

/** A key as it is stored: the secret itself is shown once and kept nowhere. Times are milliseconds since the epoch. */
export interface KeyRecord {
  readonly v: 1;
  /** First part of the key: names it everywhere. */
  readonly id: string;
  readonly tenant: string;
  readonly scopes: readonly Scope[];
  /** For people. */
  readonly name: string;
  /** SHA-256 of the secret, base64url. It is random and long, so that no slow hash is needed. */
  readonly hash: string;
  readonly createdAt: number;
  /** Undefined: it does not end by itself. */
  readonly expiresAt?: number;
}

/** A key as it is shown: without its secret. Times are ISO 8601 UTC. */
export interface KeyView extends Pick<KeyRecord, 'id' | 'name' | 'scopes'> {
  readonly createdAt: string;
  readonly expiresAt?: string;
}

export const viewKey = ({ id, name, scopes, createdAt, expiresAt }: KeyRecord): KeyView => ({ id, name, scopes, createdAt: new Date(createdAt).toISOString(), ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }) });

/** `shared/aws/key-table.ts` */
export interface KeyStore {
  /** Consistent, and remembered by nobody: a revoked key is refused at once. */
  read(id: string): Promise<KeyRecord | undefined>;
  list(tenant: string): Promise<KeyRecord[]>;
  write(record: KeyRecord): Promise<void>;
  remove(record: Pick<KeyRecord, 'tenant' | 'id'>): Promise<void>;
}

export interface NewKey {
  readonly record: KeyRecord;
  /** What its owner sends: shown once. */
  readonly text: string;
}

const PREFIX = 'spw';
const ID_BYTES = 9;
const SECRET_BYTES = 32;
const KEY = new RegExp(`^${PREFIX}_(?<id>[\\w-]{12})_(?<secret>[\\w-]{43})$`);

/** @param randomBytes of a source that nobody can guess */
export function createKey(of: Pick<KeyRecord, 'tenant' | 'scopes' | 'name' | 'createdAt' | 'expiresAt'>, randomBytes: (count: number) => Uint8Array): NewKey {
  const [id, secret] = [ID_BYTES, SECRET_BYTES].map((count) => Buffer.from(randomBytes(count)).toString('base64url')) as [string, string];
  return { record: { v: 1, id, ...of, hash: hashOf(secret) }, text: `${PREFIX}_${id}_${secret}` };
}

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

export function parseKey(text: string): { readonly id: string; readonly secret: string } | undefined {
  const { id, secret } = KEY.exec(text)?.groups ?? {};
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export const isValidKey = ({ hash, expiresAt = Infinity }: KeyRecord, secret: string, now: number): boolean =>
  timingSafeEqual(Buffer.from(hash, 'base64url'), Buffer.from(hashOf(secret), 'base64url')) && now < expiresAt;
