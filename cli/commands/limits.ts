import { formatLimit, parseLimit } from '../../shared/limit-language.ts';
import { patternsFor } from '../../shared/limit-settings.ts';
import type { LimitControl, LimitLine } from '../../shared/limiting/limit-control.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { onStack } from '../on-stack.ts';
import { formatCount } from '../progress.ts';
import { createRemoteLimits } from '../remote/remote-desks.ts';
import type { CommandContext } from '../settings.ts';

/** Keys in use and settings, with what was used of them and what holds them. */
export async function limitsCommand(context: CommandContext): Promise<ExitCode> {
  return withLimits(context, async (limits) => {
    const lines = await limits.list();
    const { terminal } = context;
    if (terminal.isJson) terminal.print(JSON.stringify({ limits: lines }));
    else for (const line of describeLimits(lines, terminal.now())) terminal.print(line);
    return EXIT.ok;
  });
}

/** @throws UsageError for a key or a sentence that is no limit */
export async function setLimitCommand(key: string, sentence: string, context: CommandContext): Promise<ExitCode> {
  const changes = patternsFor(key, parseLimit(sentence));
  return withLimits(context, async (limits) => {
    const changed = await limits.set(changes);
    const { terminal } = context;
    if (terminal.isJson) terminal.print(JSON.stringify({ set: Object.fromEntries(changes), changed }));
    else {
      for (const [pattern, setting] of changes) terminal.print(`${pattern}  ${formatLimit([setting])}`);
      terminal.print(changed.length === 0 ? 'no key in use is concerned: it holds from the first use on, at the latest in ten seconds' : `holds now for ${changed.join(', ')}`);
    }
    return EXIT.ok;
  });
}

export async function unsetLimitCommand(key: string, context: CommandContext): Promise<ExitCode> {
  return withLimits(context, async (limits) => {
    const wasSet = await limits.unset([key, `${key}:requests`, `${key}:tokens`]);
    const { terminal } = context;
    if (terminal.isJson) terminal.print(JSON.stringify({ unset: wasSet }));
    else terminal.print(wasSet ? `${key} has no setting of its own any more` : `${key} had no setting: \`spillway limits\` lists them`);
    return wasSet ? EXIT.ok : EXIT.wrongUse;
  });
}

function describeLimits(lines: readonly LimitLine[], now: number): string[] {
  if (lines.length === 0) return ['no key is in use, and none is set; a host has the default of the stack'];
  const rows = lines.map((line) => [line.key, describeRate(line), line.perMinute === undefined ? '-' : formatCount(line.used), describeState(line, now)]);
  const table = [['key', 'limit', 'last minute', 'state'], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  return table.map((row) => row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ').trimEnd());
}

function describeRate({ setting, perMinute, burst }: LimitLine): string {
  if (setting) return formatLimit([setting]);
  return perMinute === undefined ? 'no limit any more' : `${perMinute} a minute, burst ${burst} (default)`;
}

function describeState({ share = 1, throttles, breaker, pausedUntil, waiting = 0 }: LimitLine, now: number): string {
  const states = [
    ...(breaker === 'closed' ? [] : [`breaker ${breaker}`]),
    ...(pausedUntil === undefined ? [] : [`paused for ${Math.ceil((pausedUntil - now) / 1000)} s`]),
    ...(throttles > 0 ? [`throttled ${throttles} times in a row`] : []),
    ...(waiting > 0 ? [`${formatCount(waiting)} ${waiting === 1 ? 'batch waits' : 'batches wait'}`] : []),
    ...(share < 1 ? [`at ${Math.round(100 * share)} % of its rate`] : []),
  ];
  return states.join(', ') || 'free';
}

const withLimits = (context: CommandContext, act: (limits: LimitControl) => Promise<ExitCode>): Promise<ExitCode> =>
  onStack(context, { far: (client) => act(createRemoteLimits(client)), here: ({ limits }) => act(limits) });
