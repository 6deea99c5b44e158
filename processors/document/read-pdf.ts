import type { PDFDocumentProxy } from 'unpdf/pdfjs';
import { getDocument, PDFDateString } from 'unpdf/pdfjs';
import { BoundedText } from './bounded-text.ts';
import { DocumentFault } from './document-faults.ts';
import type { DocumentReading, ReadingLimits } from './document-reading.ts';
import { cleanLanguage, cleanTime, cleanValue, compact } from './metadata.ts';

/** What getTextContent gives for a run of characters; marked content has no `str`. */
interface TextItem {
  readonly str?: string;
  readonly hasEOL?: boolean;
}

const ERRORS_ONLY = 0;

/** Text page by page. A page that can't be read is left out and counted; a document without any readable page is damaged. @throws DocumentFault */
export async function readPdf(body: Uint8Array, limits: ReadingLimits): Promise<DocumentReading> {
  // A copy: pdf.js takes the memory that it is given.
  const loading = getDocument({ data: new Uint8Array(body), verbosity: ERRORS_ONLY, disableFontFace: true, useSystemFonts: false, isImageDecoderSupported: false });
  try {
    return await readOpened(await loading.promise, limits);
  } catch (error) {
    throw toFault(error);
  } finally {
    await loading.destroy();
  }
}

async function readOpened(pdf: PDFDocumentProxy, limits: ReadingLimits): Promise<DocumentReading> {
  const { info, ...described } = await describe(pdf);
  const { text, isCut, unreadablePages } = await readPages(pdf, limits);
  return {
    type: 'pdf',
    mediaType: 'application/pdf',
    pages: pdf.numPages,
    ...described,
    metadata: { ...info, ...(unreadablePages > 0 && { unreadablePages }) },
    text,
    isCut,
  };
}

async function readPages(pdf: PDFDocumentProxy, { maxPages, maxCharacters }: ReadingLimits) {
  const bounded = new BoundedText(maxCharacters);
  const last = Math.min(pdf.numPages, maxPages);
  let unreadablePages = 0;
  let firstError: unknown;
  for (let number = 1; number <= last && !bounded.isFull; number++) {
    try {
      await readPage(pdf, number, bounded);
    } catch (error) {
      unreadablePages++;
      firstError ??= error;
    }
    bounded.add('\n\n');
  }
  if (last === 0) throw new DocumentFault('DamagedDocumentError', 'expected a PDF with pages, got none');
  if (unreadablePages === last) throw new DocumentFault('DamagedDocumentError', `expected a PDF with a readable page, got ${pdf.numPages} that can't be read: ${messageOf(firstError)}`);
  const { text, isCut } = bounded.end();
  return { text, isCut: isCut || bounded.isFull || pdf.numPages > maxPages, unreadablePages };
}

/** Piece by piece: a page may hold more text than memory. */
async function readPage(pdf: PDFDocumentProxy, number: number, bounded: BoundedText): Promise<void> {
  const page = await pdf.getPage(number);
  const reader = (page.streamTextContent() as ReadableStream<{ readonly items: readonly TextItem[] }>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    for (const { str = '', hasEOL = false } of value.items) bounded.add(hasEOL ? `${str}\n` : str);
    if (bounded.isFull) return;
  }
  page.cleanup();
}

/** Metadata that can't be read leaves the text as good as it is. */
async function describe(pdf: PDFDocumentProxy) {
  const info: Readonly<Record<string, unknown>> = await pdf.getMetadata().then((metadata) => metadata.info as Readonly<Record<string, unknown>>, () => ({}));
  const time = (value: unknown) => cleanTime(typeof value === 'string' ? PDFDateString.toDateObject(value) : undefined);
  return {
    ...compact({ title: cleanValue(info['Title']), author: cleanValue(info['Author']), language: cleanLanguage(info['Language']) }),
    info: compact({
      subject: cleanValue(info['Subject']),
      keywords: cleanValue(info['Keywords']),
      creator: cleanValue(info['Creator']),
      producer: cleanValue(info['Producer']),
      createdAt: time(info['CreationDate']),
      modifiedAt: time(info['ModDate']),
      pdfVersion: cleanValue(info['PDFFormatVersion']),
    }),
  };
}

function toFault(error: unknown): DocumentFault {
  if (error instanceof DocumentFault) return error;
  if ((error as { name?: unknown }).name === 'PasswordException') return new DocumentFault('EncryptedDocumentError', 'expected a PDF that opens without a password');
  return new DocumentFault('DamagedDocumentError', `expected a readable PDF: ${messageOf(error)}`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);
