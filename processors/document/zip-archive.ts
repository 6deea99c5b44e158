import { crc32, inflateRawSync } from 'node:zlib';
import { DocumentFault } from './document-faults.ts';

/** PKWARE's APPNOTE.TXT, 4.3: an archive is read from the directory at its end. */
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const END_MARK = 0x06054b50;
const ENTRY_MARK = 0x02014b50;
const LOCAL_MARK = 0x04034b50;
const ENCRYPTED_FLAG = 1;
const STORED = 0;
const DEFLATED = 8;

/** A large Word file has some hundreds. */
const MAX_ENTRIES = 10_000;
/** Of all that is read of one archive. */
const MAX_UNPACKED_BYTES = 128 * 1024 * 1024;

interface Entry {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedBytes: number;
  readonly offset: number;
}

export const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6));

/** A ZIP archive of which single entries are read. What it says of its own sizes is not believed: bounds hold for what really comes out. */
export class ZipArchive {
  readonly #bytes: Buffer;
  readonly #entries: ReadonlyMap<string, Entry>;
  #unpackedBytes = 0;

  /** @throws DocumentFault */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#entries = readDirectory(this.#bytes);
  }

  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** @returns undefined if there is no such entry @throws DocumentFault */
  read(name: string): Buffer | undefined {
    const entry = this.#entries.get(name);
    if (!entry) return undefined;
    if (entry.flags & ENCRYPTED_FLAG) throw new DocumentFault('EncryptedDocumentError', `expected an archive without a password, ${name} is encrypted`);
    const unpacked = this.#unpack(entry, name);
    this.#unpackedBytes += unpacked.length;
    if (crc32(unpacked) !== entry.crc) throw damaged(`the checksum of ${name} is wrong`);
    return unpacked;
  }

  #unpack({ method, packedBytes, offset }: Entry, name: string): Buffer {
    const start = dataStart(this.#bytes, offset);
    const packed = start === undefined ? undefined : this.#bytes.subarray(start, start + packedBytes);
    if (packed?.length !== packedBytes) throw damaged(`${name} is not where the directory says`);
    const maxOutputLength = MAX_UNPACKED_BYTES - this.#unpackedBytes;
    if (method === STORED && packedBytes <= maxOutputLength) return packed;
    if (method !== DEFLATED) throw new DocumentFault('UnsupportedDocumentError', `expected ${name} to be packed by deflate, got method ${method}`);
    try {
      return inflateRawSync(packed, { maxOutputLength: Math.max(1, maxOutputLength) });
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE') throw oversized(`expected at most ${MAX_UNPACKED_BYTES} bytes unpacked, ${name} has more`);
      throw damaged(`${name} can't be unpacked: ${(error as Error).message}`);
    }
  }
}

const damaged = (what: string): DocumentFault => new DocumentFault('DamagedDocumentError', `expected a whole ZIP archive, ${what}`);
const oversized = (what: string): DocumentFault => new DocumentFault('OversizedDocumentError', what);

function readDirectory(bytes: Buffer): Map<string, Entry> {
  const end = findEnd(bytes);
  if (end === undefined) throw damaged('its directory at the end is missing');
  const count = bytes.readUInt16LE(end + 10);
  let at = bytes.readUInt32LE(end + 16);
  if (count === 0xffff || at === 0xffffffff) throw new DocumentFault('UnsupportedDocumentError', 'expected a ZIP archive with sizes of 32 bits, got a ZIP64 archive');
  if (count > MAX_ENTRIES) throw oversized(`expected at most ${MAX_ENTRIES} entries in the archive, got ${count}`);
  const entries = new Map<string, Entry>();
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > bytes.length || bytes.readUInt32LE(at) !== ENTRY_MARK) throw damaged(`entry ${i + 1} of ${count} of its directory is missing`);
    const nameBytes = bytes.readUInt16LE(at + 28);
    const name = bytes.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    entries.set(name, {
      flags: bytes.readUInt16LE(at + 8),
      method: bytes.readUInt16LE(at + 10),
      crc: bytes.readUInt32LE(at + 16),
      packedBytes: bytes.readUInt32LE(at + 20),
      offset: bytes.readUInt32LE(at + 42),
    });
    at += ENTRY_BYTES + nameBytes + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return entries;
}

/** The last end mark that has its comment, and no more, behind it; a cut download has none. */
function findEnd(bytes: Buffer): number | undefined {
  for (let at = bytes.length - END_BYTES; at >= Math.max(0, bytes.length - END_BYTES - MAX_COMMENT_BYTES); at--) {
    if (bytes.readUInt32LE(at) === END_MARK && at + END_BYTES + bytes.readUInt16LE(at + 20) <= bytes.length) return at;
  }
  return undefined;
}

/** Name and extra field of the local header may be other than the directory's. */
function dataStart(bytes: Buffer, offset: number): number | undefined {
  if (offset + LOCAL_BYTES > bytes.length || bytes.readUInt32LE(offset) !== LOCAL_MARK) return undefined;
  return offset + LOCAL_BYTES + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
}
