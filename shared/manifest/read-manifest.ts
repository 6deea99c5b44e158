import type { CommonOptions, ManifestFormat } from './common-options.ts';
import { detectFormat, refuseOtherKinds } from './detect-format.ts';
import type { ManifestRow, RowNaming } from './manifest-row.ts';
import { readCsv } from './read-csv.ts';
import { readJsonArray } from './read-json-array.ts';
import { readJsonl, readTxt } from './read-lines.ts';
import { readSitemap } from './read-sitemap.ts';
import { unpackManifest } from './unpack.ts';

export interface ManifestToRead {
  readonly body: AsyncIterable<Uint8Array>;
  /** File name or key: its ending helps to tell the format. */
  readonly name: string;
  readonly primaryField: string;
  readonly aliases: readonly string[];
  /** csv needs no column of these names. @default false */
  readonly isPrimaryOptional?: boolean;
  readonly options: Pick<CommonOptions, 'column' | 'format'>;
}

const READERS: Readonly<Record<ManifestFormat, (body: AsyncIterable<Uint8Array>, naming: RowNaming) => AsyncGenerator<ManifestRow[]>>> = {
  txt: readTxt,
  csv: readCsv,
  json: readJsonArray,
  jsonl: readJsonl,
  sitemap: readSitemap,
};

/**
 * Streams a manifest's rows in order, in blocks; how the body was chunked makes no difference to the rows.
 * What can't be read within a row is a faulty row; what spoils the whole file is thrown.
 * @throws ManifestRefusedError empty, truncated or damaged gzip, another kind of file, csv without the column, broken JSON array or XML
 */
export async function* readManifest(manifest: ManifestToRead): AsyncGenerator<ManifestRow[]> {
  const { primaryField, aliases, isPrimaryOptional = false, options } = manifest;
  const naming: RowNaming = { primaryField, aliases, isPrimaryOptional, column: options.column };
  const { prefix, body } = await unpackManifest(manifest.body);
  refuseOtherKinds(prefix);
  const columns = options.column === undefined ? [primaryField, ...aliases] : [options.column];
  const format = options.format ?? detectFormat(prefix, manifest.name, columns);
  yield* READERS[format](body, naming);
}
