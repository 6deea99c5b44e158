import type { BoundedText } from './bounded-text.ts';
import { readXml } from './read-xml.ts';

/**
 * Elements whose content is no text of the document: properties (their `tab` is a tab stop), field codes, what was deleted or moved away, and
 * the second form of what stands in `mc:Choice` already.
 */
const SKIPPED = new Set(['pPr', 'rPr', 'tblPr', 'trPr', 'tcPr', 'sectPr', 'instrText', 'del', 'moveFrom', 'Fallback']);
/** What an empty element stands for. */
const CHARACTERS: Readonly<Record<string, string>> = { tab: '\t', ptab: '\t', br: '\n', cr: '\n', noBreakHyphen: '-' };

/** The text of one WordprocessingML part (ISO/IEC 29500-1, 17): a line a paragraph, a line a table row with tabs between cells. */
export function addWordText(part: Uint8Array, partName: string, bounded: BoundedText): void {
  let skipped = 0;
  let cells = 0;
  let isText = false;
  readXml(part, partName, {
    open(name) {
      if (SKIPPED.has(name) || skipped > 0) skipped++;
      else if (name === 't') isText = true;
      else if (name === 'tc') cells++;
      else if (name in CHARACTERS) bounded.add(CHARACTERS[name]!);
    },
    close(name) {
      if (skipped > 0) skipped--;
      else if (name === 't') isText = false;
      else if (name === 'p') bounded.add(cells > 0 ? ' ' : '\n');
      else if (name === 'tr') bounded.add('\n');
      else if (name === 'tc') {
        cells--;
        bounded.add('\t');
      }
    },
    text(text) {
      if (isText && skipped === 0) bounded.add(text);
    },
    isEnough: () => bounded.isFull,
  });
  bounded.add('\n');
}
