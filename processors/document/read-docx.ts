import { posix } from 'node:path';
import { BoundedText } from './bounded-text.ts';
import { unsupported } from './detect-type.ts';
import { DocumentFault } from './document-faults.ts';
import type { DocumentReading, ReadingLimits } from './document-reading.ts';
import { DOCX_MEDIA_TYPE, kindOfArchive } from './archive-kind.ts';
import { cleanLanguage, cleanTime, cleanValue, compact } from './metadata.ts';
import { readFlatXml, readXml } from './read-xml.ts';
import { addWordText } from './word-text.ts';
import type { ZipArchive } from './zip-archive.ts';

/** Main part, then foot- and endnotes. Headers, footers and comments are not the document's text. @throws DocumentFault */
export function readArchive(archive: ZipArchive, { maxCharacters }: ReadingLimits): DocumentReading {
  const kind = kindOfArchive(archive);
  if (kind !== 'docx') throw unsupported(kind.what);
  const mainPart = findMainPart(archive);
  const main = archive.read(mainPart);
  if (!main) throw new DocumentFault('DamagedDocumentError', `expected the Word document's main part ${mainPart}, found none`);
  const folder = posix.dirname(mainPart);
  const bounded = new BoundedText(maxCharacters);
  addWordText(main, mainPart, bounded);
  for (const name of [`${folder}/footnotes.xml`, `${folder}/endnotes.xml`]) {
    const notes = bounded.isFull ? undefined : archive.read(name);
    if (notes) addWordText(notes, name, bounded);
  }
  return { type: 'docx', mediaType: DOCX_MEDIA_TYPE, ...describe(archive, folder), ...bounded.end() };
}

/** ISO/IEC 29500-2: the package's relation of type officeDocument names it; Word always says this one. */
function findMainPart(archive: ZipArchive): string {
  const relations = archive.read('_rels/.rels');
  let target = 'word/document.xml';
  if (!relations) return target;
  readXml(relations, '_rels/.rels', {
    open: (name, attribute) => {
      if (name === 'Relationship' && attribute('Type')?.endsWith('/officeDocument')) target = posix.join('/', attribute('Target') ?? target).slice(1);
    },
  });
  return target;
}

/** Metadata that can't be read leaves the text as good as it is. */
function describe(archive: ZipArchive, folder: string) {
  const core = readProperties(archive, 'docProps/core.xml');
  const app = readProperties(archive, 'docProps/app.xml');
  const pages = Number(app.get('Pages'));
  return {
    ...(Number.isSafeInteger(pages) && pages > 0 && { pages }),
    ...compact({ title: cleanValue(core.get('title')), author: cleanValue(core.get('creator')), language: cleanLanguage(core.get('language')) ?? readStyleLanguage(archive, folder) }),
    metadata: compact({
      subject: cleanValue(core.get('subject')),
      keywords: cleanValue(core.get('keywords')),
      description: cleanValue(core.get('description')),
      lastModifiedBy: cleanValue(core.get('lastModifiedBy')),
      creator: cleanValue(app.get('Application')),
      createdAt: cleanTime(core.get('created')),
      modifiedAt: cleanTime(core.get('modified')),
    }),
  };
}

function readProperties(archive: ZipArchive, name: string): ReadonlyMap<string, string> {
  try {
    const part = archive.read(name);
    return part ? readFlatXml(part, name) : new Map();
  } catch {
    return new Map();
  }
}

/** What the document's default style says: the language of its spelling. */
function readStyleLanguage(archive: ZipArchive, folder: string): string | undefined {
  const name = `${folder}/styles.xml`;
  let language: string | undefined;
  try {
    const part = archive.read(name);
    if (part) readXml(part, name, { open: (element, attribute) => void (element === 'lang' && (language ??= cleanLanguage(attribute('val')))), isEnough: () => language !== undefined });
  } catch {
    return undefined;
  }
  return language;
}
