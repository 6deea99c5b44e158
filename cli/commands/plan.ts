import { RowPlanner } from '../../lambdas/plan-run/row-planner.ts';
import { processorOf } from '../../processors/registry.ts';
import { UsageError } from '../../shared/errors.ts';
import { describeOptionFaults, splitOptions } from '../../shared/manifest/common-options.ts';
import { fieldNamingOf } from '../../shared/manifest/manifest-row.ts';
import { readManifest } from '../../shared/manifest/read-manifest.ts';
import type { InvalidRow, JsonObject } from '../../shared/rows.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { resolveInputs } from '../manifest-input.ts';
import type { ManifestInput } from '../manifest-input.ts';
import { formatCount } from '../progress.ts';
import { readRunOptions } from '../settings.ts';
import type { Terminal } from '../terminal.ts';

export interface PlanCommandOptions {
  readonly processor: string;
  readonly option: readonly string[];
}

/** What a run of a manifest would have. */
export interface PlanPreview {
  readonly from: string;
  /** With every default of the processor filled in. */
  readonly options: JsonObject;
  readonly rows: number;
  readonly items: number;
  readonly duplicates: number;
  readonly invalid: number;
  readonly firstInvalid: readonly InvalidRow[];
  /** Rows that are expanded when the run is planned: what they give is not known yet. */
  readonly expanding: number;
  /** Items by limit key, most first. */
  readonly limitKeys: Readonly<Record<string, number>>;
}

const KEPT_INVALID = 5;
const SHOWN_KEYS = 10;

/** Dry run: reads a manifest as the planner does; needs no stack and sends nothing. */
export async function planCommand(given: string, options: PlanCommandOptions, terminal: Terminal): Promise<ExitCode> {
  for (const input of await resolveInputs(given)) {
    const preview = await previewPlan(input, options);
    if (terminal.isJson) terminal.print(JSON.stringify(preview));
    else for (const line of describePreview(preview)) terminal.print(line);
    if (preview.items + preview.expanding === 0) return EXIT.runFailed;
  }
  return EXIT.ok;
}

/** @throws ManifestRefusedError as a run's planning would */
export async function previewPlan(input: ManifestInput, { processor: name, option }: PlanCommandOptions): Promise<PlanPreview> {
  const processor = processorOf(name);
  const { common, own } = splitOptions(readRunOptions(option));
  const parsed = processor.optionsSchema.safeParse(own);
  if (!parsed.success) throw new UsageError(describeOptionFaults(parsed.error));
  const counts = { rows: 0, items: 0, duplicates: 0, invalid: 0 };
  const firstInvalid: InvalidRow[] = [];
  const keys = new Map<string, number>();
  const sink = {
    item: ({ limitKey }: { limitKey?: string }) => {
      counts.items++;
      if (limitKey !== undefined) keys.set(limitKey, (keys.get(limitKey) ?? 0) + 1);
    },
    duplicate: () => {
      counts.items++;
      counts.duplicates++;
    },
    invalid: (row: InvalidRow) => {
      counts.invalid++;
      if (firstInvalid.length < KEPT_INVALID) firstInvalid.push(row);
    },
  };
  const planner = new RowPlanner({ processor, options: parsed.data, sink });
  let expanding = 0;
  for await (const rows of readManifest({ body: input.open(), name: input.name, ...fieldNamingOf(processor), options: common })) {
    for (const row of rows) planner.add(row);
    counts.rows += rows.length;
    expanding += planner.takeExpanding().length;
  }
  return { from: input.from, options: { ...parsed.data, ...common }, ...counts, firstInvalid, expanding, limitKeys: Object.fromEntries([...keys].toSorted(([, a], [, b]) => b - a)) };
}

export function describePreview({ from, options, rows, items, duplicates, invalid, firstInvalid, expanding, limitKeys }: PlanPreview): string[] {
  const keys = Object.entries(limitKeys);
  return [
    `manifest    ${from}`,
    ...(Object.keys(options).length > 0 ? [`options     ${Object.entries(options).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(' ')}`] : []),
    `rows        ${formatCount(rows)}`,
    `items       ${formatCount(items)}, of these ${formatCount(duplicates)} duplicates that are skipped`,
    ...(expanding > 0 ? [`expanded    ${formatCount(expanding)} rows give more rows when the run is planned`] : []),
    `invalid     ${formatCount(invalid)}`,
    ...firstInvalid.map(({ line, reason }) => `  line ${line}: ${reason}`),
    ...(invalid > firstInvalid.length ? [`  and ${formatCount(invalid - firstInvalid.length)} more`] : []),
    ...(keys.length > 0 ? [`hosts       ${formatCount(keys.length)}`] : []),
    ...keys.slice(0, SHOWN_KEYS).map(([key, count]) => `  ${formatCount(count)} ${key.replace(/^host:/, '')}`),
    ...(keys.length > SHOWN_KEYS ? [`  and ${formatCount(keys.length - SHOWN_KEYS)} more`] : []),
  ];
}
