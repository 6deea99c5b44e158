import { BrokenObjectError } from '../../../shared/errors.ts';
import { splitOptions } from '../../../shared/manifest/common-options.ts';
import { mapConcurrently } from '../../../shared/map-concurrently.ts';
import { ERRORS_FILE_NAME, parsePartPath, runPrefix } from '../../../shared/names.ts';
import type { ObjectStore } from '../../../shared/ports.ts';
import type { ResultRow, RunManifest } from '../../../shared/rows.ts';
import { rowsOf } from '../stored-rows.ts';

/** One item that is done again. */
export interface RedrivenRow {
  /** Of the item in the run that it comes from. */
  readonly line: number;
  /** Its row of the new manifest: a JSON object. */
  readonly text: string;
  /** Name of the error; undefined: it was skipped. */
  readonly error: string | undefined;
}

/** Parts read at once: all that is kept of them are chosen rows. */
const PARTS_AT_ONCE = 16;

/**
 * The chosen rows of a finished run, in the order of its shards. Failed ones stand in one file; for skipped ones every part is read.
 * @throws BrokenObjectError if a file is missing or cut
 */
export async function* readChosenRows(results: ObjectStore, manifest: RunManifest, { isChosen, withSkipped }: { isChosen: (row: ResultRow) => boolean; withSkipped: boolean }): AsyncGenerator<RedrivenRow> {
  const prefix = runPrefix(manifest.tenant, manifest.run);
  const choice: Choice = { isChosen, groupBy: splitOptions(manifest.options).common.groupBy };
  if (!withSkipped) {
    if (manifest.files.some(({ path }) => path === ERRORS_FILE_NAME)) yield* chosenOf(results, prefix + ERRORS_FILE_NAME, choice);
    return;
  }
  const parts = partsInOrder(manifest);
  for (let at = 0; at < parts.length; at += PARTS_AT_ONCE) {
    const rows = await mapConcurrently(parts.slice(at, at + PARTS_AT_ONCE), PARTS_AT_ONCE, (path) => Array.fromAsync(chosenOf(results, prefix + path, choice)));
    yield* rows.flat();
  }
}

/** Names sort as text, shards as numbers. */
function partsInOrder({ files }: RunManifest): string[] {
  const parts = files.flatMap(({ path }) => {
    const part = parsePartPath(path);
    return part ? [{ path, shard: part.shard }] : [];
  });
  return parts.sort((a, b) => a.shard - b.shard).map(({ path }) => path);
}

interface Choice {
  readonly isChosen: (row: ResultRow) => boolean;
  readonly groupBy: string | undefined;
}

async function* chosenOf(results: ObjectStore, key: string, { isChosen, groupBy }: Choice): AsyncGenerator<RedrivenRow> {
  const object = await results.open(key);
  if (!object) throw new BrokenObjectError(`expected the object ${key} that the run's manifest.json lists, it is not there`);
  for await (const row of rowsOf(object, key)) {
    if (isChosen(row)) yield { line: row.line, text: JSON.stringify(rowOf(row, groupBy)), error: row.verdict === 'failed' ? row.error.name : undefined };
  }
}

/** The item's input is its row, with its own id and its group beside it unless the processor keeps them in the input. */
function rowOf({ id, input, group }: ResultRow, groupBy: string | undefined): object {
  const isKept = (name: string, value: string) => Object.hasOwn(input, name) && String(input[name]) === value;
  const withId = id === undefined || isKept('id', id) ? input : { ...input, id };
  return group === undefined || groupBy === undefined || isKept(groupBy, group) ? withId : { ...withId, [groupBy]: group };
}
