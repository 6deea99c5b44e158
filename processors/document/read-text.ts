import { decodeText, encodingOf } from '../../shared/http/charset.ts';
import { readHtml } from '../llms-txt/extract-page.ts';
import { boundText } from './bounded-text.ts';
import { textFault, textTypeOf } from './detect-type.ts';
import { DocumentFault } from './document-faults.ts';
import type { DocumentReading, DocumentSource, ReadingLimits } from './document-reading.ts';
import { cleanLanguage, cleanValue, compact } from './metadata.ts';

/** Its tree takes some hundred times as much: more is data, not a text. */
const MAX_HTML_BYTES = 5 * 1024 * 1024;
/** Relative links lead nowhere: an upload has no address. */
const NO_ADDRESS = 'upload:///';

/** HTML, Markdown and plain text, in whatever encoding. @throws DocumentFault */
export function readText({ body, contentType }: DocumentSource, { maxCharacters }: ReadingLimits): DocumentReading {
  const { text, encoding } = decode(body, contentType);
  const fault = textFault(text);
  if (fault) throw fault;
  const type = textTypeOf(text);
  if (type === 'html') return readWebPage({ text, encoding, bytes: body.byteLength }, maxCharacters);
  const title = type === 'markdown' ? cleanValue(/^ {0,3}# +(.+?)[ #]*$/m.exec(text.slice(0, MAX_TITLE_PLACE))?.[1]) : undefined;
  return { type, mediaType: type === 'markdown' ? 'text/markdown' : 'text/plain', ...compact({ title }), metadata: { encoding }, ...boundText(text, maxCharacters) };
}

/** As WHATWG says, but Shift_JIS, whose bytes give the control characters that windows-1252 has no letters for, is known without being named. */
function decode(body: Uint8Array, contentType: string): { readonly text: string; readonly encoding: string } {
  const encoding = encodingOf(body, contentType);
  const text = decodeText(body, contentType);
  if (encoding !== 'windows-1252' || !/[\x80-\x9f]/.test(text)) return { text, encoding };
  try {
    return { text: new TextDecoder('shift_jis', { fatal: true }).decode(body), encoding: 'Shift_JIS' };
  } catch {
    return { text, encoding };
  }
}

/** A title stands at the beginning. */
const MAX_TITLE_PLACE = 4_000;

/** The main content as Markdown; what frames it is left out. */
function readWebPage({ text, encoding, bytes }: { text: string; encoding: string; bytes: number }, maxCharacters: number): DocumentReading {
  if (bytes > MAX_HTML_BYTES) throw new DocumentFault('OversizedDocumentError', `expected at most ${MAX_HTML_BYTES} bytes of HTML, got ${bytes}`);
  const { title, description, language, markdown } = readHtml({ text, finalUrl: NO_ADDRESS });
  return {
    type: 'html',
    mediaType: 'text/html',
    ...compact({ title: cleanValue(title), language: cleanLanguage(language) }),
    metadata: compact({ encoding, description: cleanValue(description) }),
    ...boundText(markdown, maxCharacters),
  };
}
