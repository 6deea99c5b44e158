import { DocumentFault } from './document-faults.ts';

/** Adobe's implementation notes: readers look for the header within the first 1,024 bytes. */
const PDF_HEADER_BYTES = 1024;
const TEXT_SAMPLE_BYTES = 64 * 1024;

/** At the very beginning; or behind something else that is no text, for a text may well speak of PDF. */
export function isPdf(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, PDF_HEADER_BYTES)).toString('latin1');
  return /^(?:\xEF\xBB\xBF)?\s*%PDF-\d/.test(head) || (/%PDF-\d\.\d/.test(head) && !isText(bytes));
}

/** Compound File Binary: Word, Excel and PowerPoint until 2003, and whatever Office encrypts since. */
const OLE_MARK = Buffer.from('d0cf11e0a1b11ae1', 'hex');

export const isOle = (bytes: Uint8Array): boolean => Buffer.compare(bytes.subarray(0, OLE_MARK.length), OLE_MARK) === 0;

/** MS-OFFCRYPTO 1.3.2: a stream of this name holds the encrypted document. */
export function oleFault(bytes: Uint8Array): DocumentFault {
  const holds = (name: string): boolean => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(Buffer.from(name, 'utf16le'));
  if (holds('EncryptedPackage')) return new DocumentFault('EncryptedDocumentError', 'expected a document without a password, got an encrypted Office file');
  const what = holds('WordDocument') ? 'a Word document of the format before 2007 (doc)' : holds('PowerPoint Document') ? 'a PowerPoint presentation of the format before 2007 (ppt)' : holds('Workbook') ? 'an Excel workbook of the format before 2007 (xls)' : 'an OLE file';
  return unsupported(what);
}

/** WHATWG MIME Sniffing, "binary data byte": no text has one. UTF-16 does, so it needs its byte order mark. */
export function isText(bytes: Uint8Array): boolean {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return isUtf16 || !bytes.subarray(0, TEXT_SAMPLE_BYTES).some((byte) => byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f));
}

/** Text that is the source of something else. */
const SOURCES: readonly (readonly [RegExp, string])[] = [
  [/^\{\\rtf/, 'an RTF document'],
  [/^%!PS/, 'a PostScript document'],
  [/^(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]{0,2000}?-->\s*)?(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/i, 'an SVG image'],
];

export function textFault(text: string): DocumentFault | undefined {
  const head = text.slice(0, 4_000).trimStart();
  const found = SOURCES.find(([pattern]) => pattern.test(head));
  return found && unsupported(found[1]);
}

export const unsupported = (what: string): DocumentFault => new DocumentFault('UnsupportedDocumentError', `expected PDF, DOCX, HTML, Markdown or plain text, got ${what}`);

/** WHATWG MIME Sniffing, table of `text/html`, as it stands at the beginning. */
const HTML_START = /^\s*(?:<!doctype html|<(?:html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[\s>]|<!--)/i;
const XHTML_START = /^\s*<\?xml[\s\S]{0,2000}?<html[\s>]/i;
const WHOLE_PAGE = /<(?:!doctype html|html|head|body)[\s>]/i;

const MARKDOWN_SIGNS: readonly RegExp[] = [
  /^ {0,3}#{1,6} +\S/m,
  /^ {0,3}(?:```|~~~)/m,
  /^ {0,3}[-*+] +\S/m,
  /^ {0,3}\d{1,9}[.)] +\S/m,
  /^ {0,3}> /m,
  /\[[^\]\n]{1,200}\]\([^)\s]{1,500}\)/,
  /(?:\*\*|__)\S[^*_\n]{0,200}(?:\*\*|__)/,
  /^\|? *:?-{3,}:? *\|/m,
];
/** One sign is an accident: a list stands in many plain texts. */
const MIN_MARKDOWN_SIGNS = 2;

/** The kind of a text by its content. Readme files begin with a few HTML tags at times. */
export function textTypeOf(text: string): 'html' | 'markdown' | 'text' {
  const sample = text.slice(0, TEXT_SAMPLE_BYTES);
  const isMarkup = HTML_START.test(sample) || XHTML_START.test(sample);
  if (isMarkup && WHOLE_PAGE.test(sample)) return 'html';
  const isMarkdown = MARKDOWN_SIGNS.filter((sign) => sign.test(sample)).length >= MIN_MARKDOWN_SIGNS;
  return isMarkdown ? 'markdown' : isMarkup ? 'html' : 'text';
}
