/** The encoder that the platform lacks: every sequence of one or two bytes is decoded once, and the answers are looked up the other way round. */
export function encodeText(text: string, charset: string): Buffer {
  if (charset === 'utf-8') return Buffer.from(text);
  const table = readTable(charset);
  return Buffer.concat(
    Array.from(text, (character) => {
      const bytes = table.get(character);
      if (!bytes) throw new Error(`expected a character that ${charset} has, got ${JSON.stringify(character)}: write it as a character reference`);
      return bytes;
    }),
  );
}

const BYTE_VALUES = 256;

/** The first spelling wins: the shortest, then the lowest. */
function readTable(charset: string): Map<string, Buffer> {
  const decoder = new TextDecoder(charset, { fatal: true });
  const table = new Map<string, Buffer>();
  const add = (bytes: Buffer) => {
    const character = decodeOne(decoder, bytes);
    if (character !== undefined && !table.has(character)) table.set(character, bytes);
  };
  for (let byte = 0; byte < BYTE_VALUES; byte++) add(Buffer.from([byte]));
  for (let pair = 0x8000; pair < BYTE_VALUES ** 2; pair++) add(Buffer.from([pair >> 8, pair % BYTE_VALUES]));
  return table;
}

/** Undefined if the bytes are not exactly one character. */
function decodeOne(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer): string | undefined {
  try {
    const text = decoder.decode(bytes);
    return Array.from(text).length === 1 ? text : undefined;
  } catch {
    return undefined;
  }
}
