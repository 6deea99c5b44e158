import type { ProcessAnswer, ProcessContext } from '../processor.ts';
import { DOCUMENT_ERRORS, type DocumentErrorName } from './document-faults.ts';
import type { DocumentSource } from './document-reading.ts';
import type { DocumentOptions } from './options.ts';
import type { DocumentInput } from './read-row.ts';

export interface ObtainedDocument extends DocumentSource {
  /** Of a page, after redirects. */
  readonly url?: string;
}

/** The document's bytes, or the item's end without them. */
export async function obtainDocument(input: DocumentInput, context: ProcessContext<DocumentOptions>): Promise<ObtainedDocument | ProcessAnswer> {
  return input.file === undefined ? fetchDocument(input.url!, context) : readUploaded(input.file, context);
}

async function readUploaded(key: string, { readUpload, options: { maxBytes }, signal }: ProcessContext<DocumentOptions>): Promise<ObtainedDocument | ProcessAnswer> {
  const answer = await readUpload({ key, maxBytes, signal });
  if (answer.kind === 'missing') return failed('MissingDocumentError', `expected an upload ${key} of this tenant, found none`);
  if (answer.kind === 'too large') return failed('OversizedDocumentError', `expected at most ${maxBytes} bytes, ${key} has ${answer.bytes}`);
  return { body: answer.body, contentType: answer.contentType };
}

async function fetchDocument(url: string, { fetchPage, options: { maxBytes }, signal }: ProcessContext<DocumentOptions>): Promise<ObtainedDocument | ProcessAnswer> {
  const answer = await fetchPage({ url, signal, maxBodyBytes: maxBytes });
  if (answer.kind === 'held') return { verdict: 'held', until: answer.until, ...(answer.limit !== undefined && { limit: answer.limit }) };
  if (answer.kind === 'disallowed') return { verdict: 'skipped', reason: 'robots' };
  if (answer.kind === 'page') return { body: answer.body, contentType: answer.headers['content-type'] ?? '', url: answer.url };
  return answer.error.name === 'BodyTooLargeError' ? failed('OversizedDocumentError', answer.error.message) : { verdict: 'failed', error: answer.error };
}

export const failed = (name: DocumentErrorName, message: string): ProcessAnswer => ({ verdict: 'failed', error: { name, message, retryable: DOCUMENT_ERRORS[name].retryable } });
