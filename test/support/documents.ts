import { constants, crc32, deflateRawSync, deflateSync } from 'node:zlib';

/** Documents made byte by byte, whole and broken. */

export interface ZipEntry {
  readonly name: string;
  readonly data: Buffer | string;
  readonly isStored?: boolean;
  readonly flags?: number;
  /** As written, whatever the data's is. */
  readonly crc?: number;
  readonly method?: number;
}

export function makeZip(entries: readonly ZipEntry[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, isStored = false, flags = 0, crc, method = isStored ? 0 : 8 } of entries) {
    const plain = Buffer.from(data);
    const packed = isStored ? plain : deflateRawSync(plain);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc ?? crc32(plain), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(plain.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), Buffer.from([20, 0]), common, tail, Buffer.from(name)]));
    bodies.push(local);
    offset += local.length;
  }
  return Buffer.concat([...bodies, ...directory, endOfZip(entries.length, Buffer.concat(directory).length, offset)]);
}

function endOfZip(count: number, bytes: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(bytes, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}

const WORD_NAMESPACE = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main';
const CONTENT_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>';

export const wordXml = (body: string): string => `<?xml version="1.0"?><w:document xmlns:w="${WORD_NAMESPACE}" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:body>${body}</w:body></w:document>`;
export const paragraph = (text: string): string => `<w:p><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`;

/** @param parts further entries, or others in the place of those of the same name */
export function makeDocx(body: string, parts: readonly ZipEntry[] = []): Buffer {
  const own: readonly ZipEntry[] = [{ name: '[Content_Types].xml', data: CONTENT_TYPES }, { name: 'word/document.xml', data: wordXml(body) }];
  return makeZip([...own.filter(({ name }) => parts.every((part) => part.name !== name)), ...parts]);
}

export interface PdfParts {
  /** The content stream of each page. */
  readonly pages: readonly Buffer[];
  /** As in `/Filter/FlateDecode`: of every page's stream. */
  readonly filter?: string;
  /** Pages that the document claims to have. @default as it has */
  readonly count?: number;
  /** Inside of the information dictionary. */
  readonly info?: string;
}

export const showText = (text: string): Buffer => Buffer.from(`BT /F1 12 Tf 10 700 Td (${text}) Tj ET`);

export function makePdf({ pages, filter = '', count = pages.length, info = '' }: PdfParts): Buffer {
  const first = 5;
  const kids = pages.map((_, i) => `${first + 2 * i} 0 R`).join(' ');
  const objects: Buffer[] = [
    Buffer.from('<</Type/Catalog/Pages 2 0 R>>'),
    Buffer.from(`<</Type/Pages/Kids[${kids}]/Count ${count}>>`),
    Buffer.from('<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'),
    Buffer.from(`<<${info}>>`),
    ...pages.flatMap((content, i) => [
      Buffer.from(`<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents ${first + 2 * i + 1} 0 R/Resources<</Font<</F1 3 0 R>>>>>>`),
      Buffer.concat([Buffer.from(`<</Length ${content.length}${filter}>>\nstream\n`), content, Buffer.from('\nendstream')]),
    ]),
  ];
  return writePdf(objects);
}

function writePdf(objects: readonly Buffer[]): Buffer {
  const pieces = [Buffer.from('%PDF-1.4\n')];
  const offsets: number[] = [];
  let at = pieces[0]!.length;
  for (const [i, object] of objects.entries()) {
    const piece = Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), object, Buffer.from('\nendobj\n')]);
    offsets.push(at);
    pieces.push(piece);
    at += piece.length;
  }
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  return Buffer.concat([...pieces, Buffer.from(`xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<</Size ${size}/Root 1 0 R/Info 4 0 R>>\nstartxref\n${at}\n%%EOF\n`)]);
}

/** A page that keeps its reader busy for hours: every `q` makes a chain of states longer that the next one walks. */
export const endlessPdf = (): Buffer => makePdf({ pages: [deflateSync(Buffer.alloc(16 * 1024 * 1024, 'q '))], filter: '/Filter/FlateDecode' });

const BOMB_BLOCK_BYTES = 8 * 1024 * 1024;
const BOMB_BLOCKS = 128;

/** A page of some KB whose stream unpacks, twice, to a GiB. */
export function bombPdf(): Buffer {
  // Flushed, not ended: blocks that can follow each other, so that no GiB has to be packed here.
  const block = deflateRawSync(Buffer.alloc(BOMB_BLOCK_BYTES, ' '), { finishFlush: constants.Z_FULL_FLUSH });
  const stream = Buffer.concat([Buffer.from([0x78, 0x9c]), ...Array<Buffer>(BOMB_BLOCKS).fill(block), deflateRawSync(Buffer.alloc(0))]);
  return makePdf({ pages: [deflateSync(stream)], filter: '/Filter[/FlateDecode/FlateDecode]' });
}
