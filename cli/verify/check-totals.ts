import type { Verification } from './verification.ts';

/** What was counted row by row against what manifest.json says. */
export function checkTotals(check: Verification): void {
  const { manifest, recount } = check;
  const items = recount.planned + recount.duplicates;
  const skipped = recount.skipped + recount.duplicates;
  compare(check, 'totals', manifest.totals, {
    rows: items + recount.invalid,
    invalid: recount.invalid,
    items,
    duplicates: recount.duplicates,
  });
  compare(check, 'counts', manifest.counts, {
    succeeded: recount.succeeded,
    failed: recount.failed,
    skipped,
    pending: items - recount.succeeded - recount.failed - skipped,
    total: items,
  });
}

function compare<Name extends string>(
  check: Verification,
  group: 'totals' | 'counts',
  said: Readonly<Record<Name, number>>,
  counted: Readonly<Partial<Record<Name, number>>>,
): void {
  for (const [name, value] of Object.entries(counted) as [Name, number][]) {
    if (said[name] !== value) check.faults.add(`${group}-wrong`, 'manifest.json', `${group}.${name} is ${said[name]}, the rows give ${value}`);
  }
}
