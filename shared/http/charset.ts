import { isUtf8 } from 'node:buffer';
import sniffEncoding from 'html-encoding-sniffer';

/**
 * Bytes of a page as text: byte order mark, then `charset` of the Content-Type, then the page's own `meta` (WHATWG encoding sniffing).
 * A page that says nothing is UTF-8 if its bytes are, else windows-1252. Malformed bytes become U+FFFD.
 */
export function decodeText(bytes: Uint8Array, contentType: string): string {
  return decodeAs(bytes, encodingOf(bytes, contentType));
}

/** WHATWG name of the encoding, such as `UTF-8` or `windows-1252`. */
export function encodingOf(bytes: Uint8Array, contentType: string): string {
  const label = charsetLabelOf(contentType);
  const defaultEncoding = isUtf8(bytes) ? 'UTF-8' : 'windows-1252';
  return sniffEncoding(bytes, { defaultEncoding, maxPrescanBytes: MAX_META_BYTES, ...(label !== undefined && { transportLayerEncodingLabel: label }) });
}

/** A prescan of WHATWG ends at 1 KiB, but a parser finds a later meta and starts again: this reads as far as both. */
const MAX_META_BYTES = 16 * 1024;

const charsetLabelOf = (contentType: string): string | undefined => /;\s*charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;]+))/i.exec(contentType)?.slice(1).find(Boolean);

/** `x-user-defined` and `replacement` have no decoder: their text would be lost either way. */
function decodeAs(bytes: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
