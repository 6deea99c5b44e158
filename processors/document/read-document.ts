import { isOle, isPdf, isText, oleFault, unsupported } from './detect-type.ts';
import { DocumentFault } from './document-faults.ts';
import type { DocumentAnswer, DocumentJob, DocumentReading } from './document-reading.ts';
import { labelDocument } from './label-document.ts';
import { nameBinary } from './name-binary.ts';
import { readArchive } from './read-docx.ts';
import { readPdf } from './read-pdf.ts';
import { readText } from './read-text.ts';
import { isZip, ZipArchive } from './zip-archive.ts';

/** Reads and labels one document. Whatever the bytes are, it ends with one answer. */
export async function readDocument(job: DocumentJob): Promise<DocumentAnswer> {
  try {
    const reading = await readByType(job);
    if (reading.text === '') throw new DocumentFault('EmptyDocumentError', describeEmpty(reading));
    const label = labelDocument(reading, job.options.labels ?? {}) ?? job.options.defaultLabel;
    return { kind: 'read', reading, ...(label !== undefined && { label }) };
  } catch (error) {
    if (error instanceof DocumentFault) return { kind: 'fault', name: error.fault, message: error.message };
    // What the libraries throw at broken input is of every kind, down to a full stack.
    return { kind: 'fault', name: 'DamagedDocumentError', message: `reading the document failed: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}` };
  }
}

async function readByType(job: DocumentJob): Promise<DocumentReading> {
  const { body, options } = job;
  if (body.byteLength === 0) throw new DocumentFault('EmptyDocumentError', 'expected a document, got 0 bytes');
  if (isPdf(body)) return readPdf(body, options);
  if (isZip(body)) return readArchive(new ZipArchive(body), options);
  if (isOle(body)) throw oleFault(body);
  if (isText(body)) return readText(job, options);
  throw unsupported(await nameBinary(body));
}

const describeEmpty = ({ type, pages }: DocumentReading): string =>
  type === 'pdf' ? `expected text, got none from ${pages} ${pages === 1 ? 'page' : 'pages'}: a scan has pictures of text only` : `expected text, got none from the ${type} document`;
