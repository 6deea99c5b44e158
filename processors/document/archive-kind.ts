import type { ZipArchive } from './zip-archive.ts';

export const DOCX_MEDIA_TYPE = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

/** By the main part's content type (ISO/IEC 29500); macros and templates are documents, too. */
const OFFICE_KINDS: readonly (readonly [RegExp, string])[] = [
  [/presentationml|ms-powerpoint/, 'a PowerPoint presentation (pptx)'],
  [/spreadsheetml|ms-excel/, 'an Excel workbook (xlsx)'],
  [/ms-visio/, 'a Visio drawing (vsdx)'],
];
const WORD = /wordprocessingml\.(?:document|template)\.main|ms-word\.(?:document|template)\.macroEnabled/;

/** OpenDocument and EPUB: the first entry, unpacked, is the media type. */
const DECLARED_KINDS: readonly (readonly [RegExp, string])[] = [
  [/opendocument\.text/, 'an OpenDocument text (odt)'],
  [/opendocument\.spreadsheet/, 'an OpenDocument spreadsheet (ods)'],
  [/opendocument\.presentation/, 'an OpenDocument presentation (odp)'],
  [/opendocument/, 'an OpenDocument file'],
  [/epub/, 'an EPUB book'],
];

/** By what is in the archive, whatever it is called. @throws DocumentFault */
export function kindOfArchive(archive: ZipArchive): 'docx' | { readonly what: string } {
  const contentTypes = archive.read('[Content_Types].xml')?.toString();
  if (contentTypes !== undefined) return WORD.test(contentTypes) ? 'docx' : { what: nameOf(contentTypes, OFFICE_KINDS) ?? 'an Office file of another kind' };
  if (archive.has('mimetype')) return { what: nameOf(archive.read('mimetype')!.toString().slice(0, 200), DECLARED_KINDS) ?? 'a ZIP archive' };
  return { what: archive.has('META-INF/MANIFEST.MF') ? 'a Java archive' : 'a ZIP archive' };
}

const nameOf = (text: string, kinds: readonly (readonly [RegExp, string])[]): string | undefined => kinds.find(([pattern]) => pattern.test(text))?.[1];
