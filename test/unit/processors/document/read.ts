import type { DocumentAnswer, DocumentReading } from '../../../../processors/document/document-reading.ts';
import { optionsSchema } from '../../../../processors/document/options.ts';
import { readDocument } from '../../../../processors/document/read-document.ts';

export const answerOf = (body: Uint8Array | string, options: object = {}, contentType = ''): Promise<DocumentAnswer> =>
  readDocument({ body: typeof body === 'string' ? Buffer.from(body) : body, contentType, options: optionsSchema.parse(options) });

export async function readingOf(body: Uint8Array | string, options: object = {}, contentType = ''): Promise<DocumentReading> {
  const answer = await answerOf(body, options, contentType);
  if (answer.kind === 'fault') throw new Error(`${answer.name}: ${answer.message}`);
  return answer.reading;
}

/** Name and message of the fault. */
export async function faultOf(body: Uint8Array | string, options: object = {}): Promise<string> {
  const answer = await answerOf(body, options);
  return answer.kind === 'fault' ? `${answer.name}: ${answer.message}` : `read as ${answer.reading.type}`;
}
