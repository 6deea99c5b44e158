import { SaxesParser } from 'saxes';
import { DocumentFault } from './document-faults.ts';

/** Names without their prefix: files choose prefixes as they like. */
export interface XmlHandlers {
  open?(name: string, attribute: (name: string) => string | undefined): void;
  close?(name: string): void;
  text?(text: string): void;
  /** Asked between two pieces: true ends the reading, and what follows is not looked at. */
  isEnough?(): boolean;
}

const PIECE_CHARACTERS = 64 * 1024;

/**
 * Reads one part of an office file. Entities of a document type are not expanded, so none can blow up.
 * @throws DocumentFault if it is no well-formed XML
 */
export function readXml(bytes: Uint8Array, partName: string, handlers: XmlHandlers): void {
  const parser = new SaxesParser({ xmlns: true });
  parser.on('opentag', ({ local, attributes }) => handlers.open?.(local, (name) => Object.values(attributes).find((attribute) => attribute.local === name)?.value));
  parser.on('closetag', ({ local }) => handlers.close?.(local));
  parser.on('text', (text) => handlers.text?.(text));
  parser.on('cdata', (text) => handlers.text?.(text));
  parser.on('error', (error) => {
    throw new DocumentFault('DamagedDocumentError', `expected well-formed XML in ${partName}: ${error.message}`);
  });
  const text = decodeXml(bytes);
  for (let at = 0; at < text.length; at += PIECE_CHARACTERS) {
    parser.write(text.slice(at, at + PIECE_CHARACTERS));
    if (handlers.isEnough?.()) return;
  }
  parser.close();
}

/** ISO/IEC 29500-2: parts are UTF-8 or UTF-16, and UTF-16 has its byte order mark. */
function decodeXml(bytes: Uint8Array): string {
  const isLittle = bytes[0] === 0xff && bytes[1] === 0xfe;
  const isBig = bytes[0] === 0xfe && bytes[1] === 0xff;
  return new TextDecoder(isLittle ? 'utf-16le' : isBig ? 'utf-16be' : 'utf-8').decode(bytes);
}

/** The texts of a flat part such as docProps/core.xml, by the name of their element. */
export function readFlatXml(bytes: Uint8Array, partName: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const open: string[] = [];
  readXml(bytes, partName, {
    open: (name) => void open.push(name),
    close: () => void open.pop(),
    text: (text) => {
      if (open.length === 2) values.set(open[1]!, (values.get(open[1]!) ?? '') + text);
    },
  });
  return values;
}
