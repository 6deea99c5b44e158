import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { drawCurves } from './fairness/draw-curves.ts';
import { firstWaits, jainByStretch, limiterUse, quantile, unfairness, worstLag } from './fairness/figures.ts';
import { SCENARIOS, type ScenarioName } from './fairness/scenarios.ts';
import { simulate, type Scenario, type SentBatch } from './fairness/world.ts';
import { createRandom } from './random.ts';

const HELP = `Simulates the dispatcher and its limits in virtual time: the same rules that are deployed, with workers that take as long as they are told to.
  node bench/fairness.ts [scenario …] [--tenants n] [--items n] [--workers n] [--seed n] [--svg file] [--json]
Scenarios: ${Object.keys(SCENARIOS).join(', ')}; without one all of them, each with its own figures.
  u        Temporal's unfairness: 0.5 is taking turns, a queue in order of arrival has more
  Jain     least index of service by weight in ten rounds in which all have work: 1 is a fair share
  lag      worst lag of two tenants over every interval, as a share of its bound: of estimates without corrections, and of real costs
  wait     of tenants that come one after the other: from a tenant's arrival to its first batch
  limit    use of what the limit lets start, and its fullest window`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tenants: { type: 'string' }, items: { type: 'string' }, workers: { type: 'string' }, seed: { type: 'string', default: '1' }, svg: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
});

if (values.help) console.log(HELP);
else for (const name of chosen(positionals)) play(name);

function chosen(names: readonly string[]): ScenarioName[] {
  const known = Object.keys(SCENARIOS) as ScenarioName[];
  const unknown = names.find((name) => !known.includes(name as ScenarioName));
  if (unknown !== undefined) throw new Error(`expected a scenario (${known.join(', ')}), got ${unknown}`);
  return names.length > 0 ? (names as ScenarioName[]) : known;
}

function readCount(name: 'tenants' | 'items' | 'workers'): Readonly<Record<string, number>> {
  const text = values[name];
  if (text === undefined) return {};
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`expected --${name} to be an integer from 1, got ${text}`);
  return { [name]: count };
}

function play(name: ScenarioName): void {
  const random = createRandom(Number(values.seed));
  const scenario = SCENARIOS[name]({ ...readCount('tenants'), ...readCount('items'), ...readCount('workers') }, random);
  const startedAt = performance.now();
  const simulated = simulate(scenario, random);
  const tookSeconds = Math.round((performance.now() - startedAt) / 100) / 10;
  const { sent, starts, endsAt, window } = simulated;
  const { tenants, settings } = scenario;
  const weights = tenants.map(({ weight }) => weight);
  const arrivals = tenants.map(({ arrivesAt = 0 }) => arrivesAt);
  const isTogether = arrivals.every((at) => at === 0);
  const stretches = isTogether && !settings ? jainByStretch(sent, weights) : [];
  const waits = firstWaits(sent, arrivals);
  const figures = {
    scenario: name,
    tenants: weights.length,
    items: tenants.reduce((sum, { batches }) => sum + batches.reduce((all, items) => all + items, 0), 0),
    batches: sent.length,
    simulatedSeconds: Math.round(endsAt / 1000),
    tookSeconds,
    ...(isTogether ? { u: round(unfairness(sent.map(({ tenant }) => tenant))) } : { firstWaitMs: { p50: Math.round(quantile(waits, 0.5)), p99: Math.round(quantile(waits, 0.99)) } }),
    ...(stretches.length > 0 && { jain: round(Math.min(...stretches)), stretches: stretches.length }),
    ...(isTogether && !settings && { lag: { ofEstimates: round(lagOfEstimates(scenario, weights)), ofReal: round(worstLag(sent, weights, realCost) / (window + 1)) } }),
    ...(settings && { limits: Object.fromEntries(Object.entries(settings).map(([key, setting]) => [key, limiterUse(starts.get(key) ?? [], setting)])) }),
  };
  console.log(values.json ? JSON.stringify(figures) : Object.entries(figures).map(([of, value]) => `${of} ${typeof value === 'object' ? JSON.stringify(value) : value.toLocaleString('en')}`).join(' | '));
  if (values.svg !== undefined) writeFileSync(values.svg, drawCurves(simulated, weights, `${name}: ${weights.length} tenants, ${scenario.workers} workers`));
}

/** The first bound holds where nothing is corrected: the same work once more, without. */
function lagOfEstimates(scenario: Scenario, weights: readonly number[]): number {
  const { sent } = simulate({ ...scenario, isCorrected: false }, createRandom(Number(values.seed)));
  return worstLag(sent, weights, ({ estimate }) => estimate);
}

function realCost({ real, estimate }: SentBatch): number {
  return Math.max(real, estimate);
}

function round(value: number): number {
  return Math.round(10_000 * value) / 10_000;
}
