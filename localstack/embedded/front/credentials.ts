import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Credentials, Principal } from '../contracts.ts';

/** Who signed a request, and for which service: the credential scope of Signature Version 4. */
export interface CredentialScope {
  readonly accessKeyId: string;
  readonly service: string;
}

const HEADER_CREDENTIAL = /Credential=([^/,\s]+)\/\d{8}\/[^/]+\/([^/]+)\/aws4_request/;
const QUERY_CREDENTIAL = /[?&]X-Amz-Credential=([^&]+)/;
const QUERY_SCOPE = /^([^/]+)\/\d{8}\/[^/]+\/([^/]+)\/aws4_request$/;

/** From the Authorization header, else from a presigned query string. The signature is not checked: the endpoint is loopback only. */
export function readCredentialScope(request: IncomingMessage): CredentialScope | undefined {
  const header = request.headers.authorization;
  const match = header === undefined ? matchQuery(request.url ?? '') : HEADER_CREDENTIAL.exec(header);
  const [, accessKeyId, service] = match ?? [];
  return accessKeyId === undefined || service === undefined ? undefined : { accessKeyId, service };
}

function matchQuery(url: string): RegExpExecArray | null {
  const encoded = QUERY_CREDENTIAL.exec(url)?.[1];
  return encoded === undefined ? null : QUERY_SCOPE.exec(encoded.replaceAll(/%2F/gi, '/'));
}

/** Gives each principal one access key, the same after a restart, so that a presigned URL outlives it. */
export class AccessKeys {
  readonly #principals = new Map<string, Principal>();

  credentialsFor(principal: Principal): Credentials {
    const digest = createHash('sha256').update(principal).digest('hex').toUpperCase();
    const accessKeyId = `AKIA${digest.slice(0, 16)}`;
    this.#principals.set(accessKeyId, principal);
    return { accessKeyId, secretAccessKey: digest.slice(24) };
  }

  /** undefined: nobody has this access key. */
  secretOf(accessKeyId: string): string | undefined {
    const principal = this.#principals.get(accessKeyId);
    return principal === undefined ? undefined : this.credentialsFor(principal).secretAccessKey;
  }

  principalOf(accessKeyId: string): Principal | undefined {
    return this.#principals.get(accessKeyId);
  }
}
