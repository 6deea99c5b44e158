import type { Simulated } from './world.ts';

const SIZE = { width: 900, height: 520, left: 70, right: 150, top: 30, bottom: 50 };
const SHOWN_TENANTS = 8;
const POINTS = 300;
const TICKS = 5;

/** Service by weight of some tenants over virtual time as SVG: lines that lie on each other are a fair share. */
export function drawCurves({ ended, endsAt }: Pick<Simulated, 'ended' | 'endsAt'>, weights: readonly number[], title: string): string {
  const totals = weights.map(() => 0);
  for (const { tenant, cost } of ended) totals[tenant]! += cost;
  const shown = totals.map((total, i) => ({ total, i })).toSorted((a, b) => b.total - a.total).slice(0, SHOWN_TENANTS).map(({ i }) => i).toSorted((a, b) => a - b);
  const most = Math.max(...shown.map((i) => totals[i]! / weights[i]!), 1);
  const x = (at: number): number => SIZE.left + (at / Math.max(1, endsAt)) * (SIZE.width - SIZE.left - SIZE.right);
  const y = (service: number): number => SIZE.height - SIZE.bottom - (service / most) * (SIZE.height - SIZE.top - SIZE.bottom);
  const lines = shown.map((tenant, n) => {
    const points = curveOf(ended, { tenant, weight: weights[tenant]!, endsAt }).map(([at, service]) => `${x(at).toFixed(1)},${y(service).toFixed(1)}`);
    const legendY = SIZE.top + 20 * n;
    const color = `hsl(${Math.round((360 * n) / shown.length)} 65% 42%)`;
    return `<polyline fill="none" stroke="${color}" stroke-width="1.6" points="${points.join(' ')}"/><line x1="${SIZE.width - SIZE.right + 16}" x2="${SIZE.width - SIZE.right + 40}" y1="${legendY}" y2="${legendY}" stroke="${color}" stroke-width="3"/><text x="${SIZE.width - SIZE.right + 46}" y="${legendY + 4}">t${tenant}, weight ${weights[tenant]}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" font-family="sans-serif" font-size="12" fill="#222"><rect width="100%" height="100%" fill="#fff"/><text x="${SIZE.left}" y="18" font-size="14">${title}</text>${axes({ x, y, endsAt, most })}${lines.join('')}</svg>\n`;
}

function curveOf(ended: Simulated['ended'], { tenant, weight, endsAt }: { readonly tenant: number; readonly weight: number; readonly endsAt: number }): [number, number][] {
  const own = ended.filter((each) => each.tenant === tenant).toSorted((a, b) => a.at - b.at);
  const points: [number, number][] = [[0, 0]];
  let service = 0;
  let next = 0;
  for (let n = 1; n <= POINTS; n++) {
    const at = (endsAt * n) / POINTS;
    for (; next < own.length && own[next]!.at <= at; next++) service += own[next]!.cost;
    points.push([at, service / weight]);
  }
  return points;
}

function axes({ x, y, endsAt, most }: { readonly x: (at: number) => number; readonly y: (service: number) => number; readonly endsAt: number; readonly most: number }): string {
  const ticks = Array.from({ length: TICKS + 1 }, (_, n) => n / TICKS);
  const seconds = (ms: number): string => `${Math.round(ms / 1000).toLocaleString('en')} s`;
  const horizontal = ticks.map((part) => `<line x1="${x(0)}" x2="${x(endsAt)}" y1="${y(part * most)}" y2="${y(part * most)}" stroke="#e4e4e4"/><text x="${x(0) - 8}" y="${y(part * most) + 4}" text-anchor="end">${seconds(part * most)}</text>`);
  const vertical = ticks.map((part) => `<text x="${x(part * endsAt)}" y="${SIZE.height - SIZE.bottom + 20}" text-anchor="middle">${seconds(part * endsAt)}</text>`);
  return `${horizontal.join('')}${vertical.join('')}<text x="${(x(0) + x(endsAt)) / 2}" y="${SIZE.height - 10}" text-anchor="middle">time</text><text transform="translate(14 ${(y(0) + y(most)) / 2}) rotate(-90)" text-anchor="middle">service of workers by weight</text>`;
}
