import { MANIFEST_FILE_NAME, runPrefix } from '../../shared/names.ts';
import type { RunRecord } from '../../shared/records.ts';
import type { JsonObject, RunManifest } from '../../shared/rows.ts';
import type { ApiPorts } from './ports.ts';
import { Problem } from './problem.ts';
import { createChooser, type RowChoice } from './redrive/choose-rows.ts';
import { packManifest } from './redrive/pack-manifest.ts';
import { readChosenRows, type RedrivenRow } from './redrive/redriven-rows.ts';
import { admitManifest, checkOptions } from './submit-run.ts';

/** They say how the old manifest is read; the new one is jsonl with the processor's own names. */
const READING_OPTIONS: ReadonlySet<string> = new Set(['column', 'format']);

/** Does chosen items of a finished run again, in a run of their own that names it. @returns its id. @throws Problem 409 unless it has finished, 422 if nothing is chosen */
export async function redriveRun(old: RunRecord, { choice, options }: { readonly choice: RowChoice; readonly options: JsonObject }, ports: ApiPorts): Promise<string> {
  const processor = ports.findProcessor(old.processor);
  if (old.state !== 'finished' || !processor) throw new Problem(409, `expected a finished run, ${old.run} is ${old.state}`, old.state === 'failed' ? {} : { retryAfterSeconds: 5 });
  const kept = Object.fromEntries(Object.entries(old.options).filter(([name]) => !READING_OPTIONS.has(name)));
  const newOptions = { ...kept, ...options, format: 'jsonl' };
  checkOptions(processor, newOptions);
  const manifest = JSON.parse(Buffer.from(await ports.results.read(runPrefix(old.tenant, old.run) + MANIFEST_FILE_NAME)).toString()) as RunManifest;
  const isChosen = createChooser(choice, processor, { options: old.options, stopReason: manifest.stop?.reason });
  const rows = () => readChosenRows(ports.results, manifest, { isChosen, withSkipped: choice.withSkipped && manifest.stop !== undefined });
  if (await isEmpty(rows())) throw new Problem(422, `no item of run ${old.run} is chosen by that${manifest.stop ? '; `withSkipped` takes what its stop skipped, too' : ''}`);
  const metadata = { 'spillway-processor': old.processor, 'spillway-options': JSON.stringify(newOptions), 'spillway-redrive-of': old.run };
  const source = await ports.upload({ key: `${old.tenant}/${old.processor}/api/redrive-of-${old.run}.jsonl.gz`, body: packManifest(rows()), metadata });
  return admitManifest(source, ports);
}

async function isEmpty(rows: AsyncIterable<RedrivenRow>): Promise<boolean> {
  for await (const _ of rows) return false;
  return true;
}
