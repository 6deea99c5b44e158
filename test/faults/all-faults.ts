import { parseArgs } from 'node:util';
import { Campaign } from '../support/faults/campaign.ts';
import { allPoints, describePoint, groupPoints, randomPairs } from '../support/faults/fault-points.ts';
import { assembleShort } from '../support/faults/short-timings.ts';
import { describeTally, tallyReports } from '../support/faults/tally.ts';

/**
 * Every call of a run with every fault, one a run, then pairs of them chosen by a seed. Takes hours; by hand:
 * `node test/faults/all-faults.ts [--stacks 4] [--only <part of a name>] [--per-run 1] [--pairs 200] [--seed 1] [--items 300] [--batch 9]`.
 */
const { values } = parseArgs({
  options: {
    stacks: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    'per-run': { type: 'string', default: '1' },
    pairs: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    items: { type: 'string', default: '300' },
    batch: { type: 'string', default: '9' },
  },
});

const assembly = await assembleShort();
const campaign = await Campaign.start({ stacks: Number(values.stacks), templateFolder: assembly.folder, items: Number(values.items), itemsPerBatch: Number(values.batch) });
try {
  const all = allPoints(campaign.undisturbed.calls);
  const points = all.filter((point) => describePoint(point).includes(values.only));
  const groups = [...groupPoints(points, Number(values['per-run'])), ...randomPairs(points, Number(values.pairs), Number(values.seed))];
  console.log(`${campaign.undisturbed.calls.length} calls, ${all.length} fault points, ${groups.length} runs to make with ${points.length} of them`);
  const startedAt = performance.now();
  let done = 0;
  const reports = await campaign.play(groups, (report) => {
    const { complaints: [complaint] } = tallyReports([report]);
    console.log(`${++done}/${groups.length} ${(report.ms / 1000).toFixed(1)} s, ${report.deaths} deaths: ${complaint === undefined ? report.points.map(describePoint).join(' | ') : `BROKEN ${complaint}`}`);
  });
  const tally = tallyReports(reports);
  console.log(describeTally(tally, (performance.now() - startedAt) / 1000));
  for (const complaint of tally.complaints) console.log(`BROKEN ${complaint}`);
  process.exitCode = tally.complaints.length === 0 ? 0 : 1;
} finally {
  await campaign.stop();
  assembly.remove();
}
