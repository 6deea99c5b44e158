import type { JsonObject } from '../../shared/rows.ts';
import type { ProcessAnswer, ProcessContext, Processor, ProcessorItem } from '../processor.ts';
import type { DocumentReading } from './document-reading.ts';
import { failed, obtainDocument } from './obtain-document.ts';
import { type DocumentOptions, optionsSchema } from './options.ts';
import { type DocumentInput, readRow } from './read-row.ts';
import { readInThread } from './reading-thread.ts';

/** Reads type, text, pages and metadata of documents, and labels them by keywords. */
export const document: Processor<DocumentInput, DocumentOptions> = {
  name: 'document',
  summary: 'Reads type, text, pages and metadata of PDF, DOCX, HTML, Markdown and plain text, and labels each by keyword rules.',
  workerClass: 'document',
  primaryField: 'file',
  takesFiles: true,
  primaryAliases: ['key', 'path', 'filename'],
  optionsSchema,
  itemsPerBatch: 25,
  // One is read while the next one comes; more would share the same core.
  concurrency: 2,
  itemDeadlineSeconds: 120,
  readRow,
  process: processDocument,
};

async function processDocument({ input }: ProcessorItem<DocumentInput>, context: ProcessContext<DocumentOptions>): Promise<ProcessAnswer> {
  const obtained = await obtainDocument(input, context);
  if ('verdict' in obtained) return obtained;
  const { url, ...source } = obtained;
  const answer = await readInThread({ ...source, options: context.options }, context.signal);
  if (answer.kind === 'fault') return failed(answer.name, answer.message);
  const { reading, label } = answer;
  return { verdict: 'succeeded', output: outputOf(reading, { bytes: source.body.byteLength, ...(url !== undefined && { url }) }, label) };
}

/** What an item gives: the row's `output`. */
function outputOf({ text, isCut, metadata, ...reading }: DocumentReading, own: JsonObject, label: string | undefined): JsonObject {
  return {
    ...reading,
    metadata: { ...own, ...metadata },
    ...(label !== undefined && { label }),
    characters: text.length,
    ...(isCut && { isCut }),
    text,
  };
}
