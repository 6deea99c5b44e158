import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { verifyRun } from '../cli/verify/verify-run.ts';
import { openBenchRun, provideBenchRun } from './finished-run.ts';
import { countRows } from './plan-rows.ts';
import { peakMemoryMb, round, startFigures } from './process-figures.ts';
import { urlProcessor } from './url-processor.ts';

/**
 * What `verify` takes: `node bench/verify.ts --rows 10000000`. The first call writes a finished run with its ledger, the next ones measure.
 * Prints rows a second by wall clock and by CPU time and the peak of resident memory (VmHWM), and checks that the run is clean and wholly counted.
 */

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' }, folder: { type: 'string', default: 'build/bench-verify' } } });

async function measure(folder: string, rows: number): Promise<void> {
  const { results, manifests, ledger, tenant, run } = openBenchRun(folder);
  const figures = startFigures();
  const { faultCounts, garbage, recount } = await verifyRun({ results, manifestStoreOf: () => manifests, ledger, tenant, run, processorOf: () => urlProcessor });
  const { wallSeconds, cpuSeconds } = figures();
  const report = {
    rows, recount, faultCounts, garbage: garbage.length,
    wallSeconds: round(wallSeconds), cpuSeconds: round(cpuSeconds), cpuMicrosecondsARow: round((cpuSeconds / rows) * 1e6),
    rowsPerSecond: Math.round(rows / wallSeconds), peakMemoryMb: Math.round(peakMemoryMb()),
  };
  process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
  const { invalid, duplicates } = countRows(rows);
  const isRight = Object.keys(faultCounts).length === 0 && recount?.invalid === invalid && recount.duplicates === duplicates && recount.planned === rows - invalid - duplicates;
  if (!isRight) throw new Error(`expected a clean run with ${invalid} invalid rows and ${duplicates} duplicates`);
}

const folder = join(values.folder, values.rows);
if (await provideBenchRun(folder, Number(values.rows))) await measure(folder, Number(values.rows));
