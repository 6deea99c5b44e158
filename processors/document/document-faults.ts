/** Every way in which a document can fail to be read. None of them passes with time. The names are stable; `docs/processors/document.md` has the table. */
export const DOCUMENT_ERRORS = {
  /** There is no such upload. */
  MissingDocumentError: { retryable: false },
  /** A password is needed. */
  EncryptedDocumentError: { retryable: false },
  /** The bytes are not what their beginning says. */
  DamagedDocumentError: { retryable: false },
  /** No type that is read here. */
  UnsupportedDocumentError: { retryable: false },
  /** Above a bound of bytes, packed or unpacked, of parts or of memory. */
  OversizedDocumentError: { retryable: false },
  /** No bytes, or no text in them. */
  EmptyDocumentError: { retryable: false },
} as const;

export type DocumentErrorName = keyof typeof DOCUMENT_ERRORS;

/** What the parts of the reader throw among themselves: an expected end of one document. */
export class DocumentFault extends Error {
  override readonly name = 'DocumentFault';
  readonly fault: DocumentErrorName;
  constructor(fault: DocumentErrorName, message: string) {
    super(message);
    this.fault = fault;
  }
}
