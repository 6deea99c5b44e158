import type { JsonObject } from '../../shared/rows.ts';
import type { DocumentErrorName } from './document-faults.ts';
import type { DocumentOptions } from './options.ts';

export type DocumentType = 'pdf' | 'docx' | 'html' | 'markdown' | 'text';

/** A document's bytes as they came. */
export interface DocumentSource {
  readonly body: Uint8Array;
  /** Of the upload or the response: only its `charset` is looked at. */
  readonly contentType: string;
}

export type ReadingLimits = Pick<DocumentOptions, 'maxPages' | 'maxCharacters'>;

/** What was read of a document. */
export interface DocumentReading {
  readonly type: DocumentType;
  /** By content. */
  readonly mediaType: string;
  /** PDF: as it has. DOCX: as the program that saved it counted. */
  readonly pages?: number;
  readonly title?: string;
  readonly author?: string;
  /** BCP 47, as the document says it. */
  readonly language?: string;
  readonly metadata: JsonObject;
  readonly text: string;
  /** There is more text than `text` has. */
  readonly isCut: boolean;
}

/** From a worker to its reading thread. */
export interface DocumentJob extends DocumentSource {
  readonly options: DocumentOptions;
}

/** And back. */
export type DocumentAnswer =
  | { readonly kind: 'read'; readonly reading: DocumentReading; readonly label?: string }
  | { readonly kind: 'fault'; readonly name: DocumentErrorName; readonly message: string };
