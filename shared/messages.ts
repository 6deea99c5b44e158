import { z } from 'zod';
import { RUN_ID_PATTERN } from './names.ts';

/**
 * Every message between functions, in one place. Functions are deployed one after the other, so a reader leaves out fields that it does not know;
 * `v` is the version, and a reader refuses one that it does not know. `docs/versions.md` has the rules.
 */

const v = z.literal(1);
const count = z.int().nonnegative();
const runId = z.string().regex(RUN_ID_PATTERN);

/** One message on a work queue. All else comes from the ledger. */
export const batchMessageSchema = z.object({ v, run: runId, shard: count, batch: count, q: count });
/** A delayed message on a work queue that comes back to the dispatcher: FIFO queues can't delay single messages. */
export const wakeMessageSchema = z.object({ v, wake: z.literal(true) });
export const workMessageSchema = z.union([batchMessageSchema, wakeMessageSchema]);

/** What a delivery tells of itself; all may be missing: a report that is repeated by another worker, or from an older release, has none. */
const reportFigures = {
  /** Items that got their verdict. */
  rows: count.optional(),
  /** Items without a verdict. */
  left: count.optional(),
  /** Milliseconds from sending the message to the claim: how long the batch waited for a worker. */
  waitedMs: count.optional(),
  /** Milliseconds from the claim to the settlement: what the batch cost. */
  tookMs: count.optional(),
  /** The limit that held items back, such as `host:example.com`. */
  heldBy: z.string().max(500).optional(),
};

/** Messages on the dispatch queue. `until` is milliseconds since the epoch: not before then may the rest be sent again. */
export const dispatchMessageSchema = z.discriminatedUnion('type', [
  z.object({ v, type: z.literal('open'), run: runId, shard: count }),
  z.object({ v, type: z.literal('report'), run: runId, shard: count, batch: count, q: count, isDone: z.boolean(), until: count, ...reportFigures }),
  z.object({ v, type: z.literal('wake') }),
  z.object({ v, type: z.literal('heal'), run: runId }),
]);

export type BatchMessage = z.infer<typeof batchMessageSchema>;
export type WorkMessage = z.infer<typeof workMessageSchema>;
export type DispatchMessage = z.infer<typeof dispatchMessageSchema>;

/** EventBridge: an object was created in the bucket of manifests. AWS adds more fields as it likes. */
export const uploadEventSchema = z.object({
  time: z.string().min(1),
  detail: z.object({
    bucket: z.object({ name: z.string().min(1) }),
    object: z.object({ key: z.string().min(1), size: count, etag: z.string(), 'version-id': z.string().default('') }),
  }),
});

/** State machine `run`: its input, and what each state hands on. `state-machines/README.md` has the table. */
export const runInputSchema = z.object({ v, run: runId });
/** Plan's answer: where the Map finds its shards. */
export const planAnswerSchema = z.object({ v, run: runId, bucket: z.string(), shardsKey: z.string() });
/** One element of `shards.json`: a child of the Distributed Map. */
export const shardEntrySchema = z.object({ v, run: runId, shard: count });
export const awaitInputSchema = z.object({ v, run: runId, token: z.string(), execution: z.string(), attempt: count });
/** Fail's input: the error that the state machine caught. */
export const failInputSchema = z.object({ v, run: runId, error: z.object({ Error: z.string(), Cause: z.string().optional() }) });

export type RunInput = z.infer<typeof runInputSchema>;
export type PlanAnswer = z.infer<typeof planAnswerSchema>;
export type ShardEntry = z.infer<typeof shardEntrySchema>;
export type AwaitInput = z.infer<typeof awaitInputSchema>;
export type FailInput = z.infer<typeof failInputSchema>;
