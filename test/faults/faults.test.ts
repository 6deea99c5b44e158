import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Campaign } from '../support/faults/campaign.ts';
import { crashPoints, deliveryPoints, type FaultPoint, groupPoints, readPoints } from '../support/faults/fault-points.ts';
import { assembleShort } from '../support/faults/short-timings.ts';
import { describeTally, pointsToIsolate, type Tally, tallyReports } from '../support/faults/tally.ts';

/** 34 batches: a shard has at most 32. */
const MANIFEST = { items: 300, itemsPerBatch: 9 };
/** A run spends most of its time waiting for a lease to end. */
const STACKS = 6;
const POINTS_PER_RUN = 4;
/** Nobody dies of one, so a run bears many. */
const DELIVERIES_PER_RUN = 12;
const READS = 50;
const SEED = 4;
/** Rounds of the dispatcher and of the sweep differ in number from run to run; nothing else does. */
const LEAST_FIRED_RATIO = 0.9;

let assembly: Awaited<ReturnType<typeof assembleShort>>;
let campaign: Campaign;

beforeAll(async () => {
  assembly = await assembleShort();
  campaign = await Campaign.start({ stacks: STACKS, templateFolder: assembly.folder, ...MANIFEST });
});
afterAll(async () => {
  await campaign?.stop();
  assembly?.remove();
});

/** Of a group that broke a promise each point is played alone as well: the message names the one that did it. */
async function play(points: readonly FaultPoint[], pointsPerRun = POINTS_PER_RUN): Promise<Tally> {
  const startedAt = performance.now();
  const reports = await campaign.play(groupPoints(points, pointsPerRun));
  const tally = tallyReports(reports);
  console.log(describeTally(tally, (performance.now() - startedAt) / 1000));
  const alone = tallyReports(await campaign.play(pointsToIsolate(reports)));
  return { ...tally, complaints: [...tally.complaints, ...alone.complaints] };
}

describe(`a run of ${MANIFEST.items} items in two shards keeps every promise, and its results are those of the undisturbed run`, () => {
  it('when any call that changes something is crashed, once before it happened and once after it', async () => {
    const points = crashPoints(campaign.undisturbed.calls);
    // Admission, plan, fan-out, 34 claims with their parts, settlements and reports, the rounds between them, the end.
    expect(points.length).toBeGreaterThan(2 * 34 * 4);
    const { complaints, fired } = await play(points);
    expect(complaints).toEqual([]);
    expect(fired / points.length).toBeGreaterThanOrEqual(LEAST_FIRED_RATIO);
  });

  it('when reads fail, are cut or are throttled', async () => {
    const points = readPoints(campaign.undisturbed.calls, READS, SEED);
    const { complaints, fired } = await play(points);
    expect(complaints).toEqual([]);
    expect(fired / points.length).toBeGreaterThanOrEqual(LEAST_FIRED_RATIO);
  });

  it('when each message reaches its function twice, at once or after it was handled', async () => {
    const points = deliveryPoints(campaign.undisturbed.calls);
    expect(points.length).toBeGreaterThan(2 * 34 + 34);
    const { complaints, fired } = await play(points, DELIVERIES_PER_RUN);
    expect(complaints).toEqual([]);
    expect(fired / points.length).toBeGreaterThanOrEqual(LEAST_FIRED_RATIO);
  });
});
