/**
 * Every conditional write of the ledger, in one place. They are what the executable model of the protocol was checked with:
 * change the model before you change one. `#k` is the batch's number as text.
 */
export const LEDGER_EXPRESSIONS = {
  /** The same upload twice is the same run. */
  putIfAbsent: 'attribute_not_exists(pk)',

  /** The first planning wins; a second one returns it. */
  freezePlan: {
    update: 'SET #plan = :nonce, totals = :totals',
    condition: 'attribute_exists(pk) AND attribute_not_exists(#plan)',
  },

  /**
   * q alone says whether the batch is still where the message left it (every settlement raises q, also one that ends the batch);
   * an expired lease is a death, because no worker outlives its time-out.
   */
  claim: {
    update: 'SET b.#k.#a = b.#k.#a + :one, b.#k.#u = :until, b.#k.#o = :me',
    condition: 'b.#k.#q = :q AND b.#k.#u < :now',
  },

  /** The owner is known to be dead: the same as if the lease's time had come. */
  endLease: {
    update: 'SET b.#k.#u = :zero',
    condition: 'b.#k.#q = :q AND b.#k.#o = :dead',
  },

  /** Which item runs alone, and how many workers died at it: absolute values from the claim's answer, so that a call made twice counts once. */
  mark: {
    update: 'SET b.#k.#d = :ordinal, b.#k.#dn = :times',
    condition: 'b.#k.#q = :q AND b.#k.#o = :me',
  },

  /** Only the owner of the lease settles, and only the q that it claimed: counts are added exactly once a settlement. */
  settle: {
    update: 'SET b.#k = :new, ok = ok + :ok, ko = ko + :ko, sk = sk + :sk, nd = nd + :nd',
    condition: 'b.#k.#q = :q AND b.#k.#o = :me',
    /** Cancel and fail take the batch from whoever has it. */
    conditionOnQ: 'b.#k.#q = :q',
  },

  /** A set, so that repeating it changes nothing. */
  addDone: 'SET #v = :v ADD done :shards',

  /** Not a superseded execution's token, nor an older attempt's over a newer one's. */
  storeToken: {
    update: 'SET #token = :token, attempt = :attempt',
    condition: 'execution = :me AND attempt <= :attempt',
  },

  /** A new execution for a run whose old one is gone: only its tokens count from now on. */
  restart: { update: 'SET execution = :execution, attempt = :zero', condition: 'attribute_exists(pk) AND #state <> :finished AND #state <> :failed' },

  markStarted: { update: 'SET started = :execution', condition: 'execution = :execution' },

  markAcked: { update: 'SET acked = :token', condition: '#token = :token' },

  /** The state first: from then on no worker begins a batch, and whoever comes later settles what is still open. */
  requestStop: { update: 'SET #state = :stopping, #stop = :stop', condition: '#state = :open' },

  pause: { update: 'SET paused = :true', updateWithReason: 'SET paused = :true, pausedFor = :reason', condition: '#state = :open' },
  resume: { update: 'REMOVE paused, pausedFor', condition: 'attribute_exists(pk)' },

  /** Waiting is over with the end: an ended run is not put into the queue again. */
  queue: { update: 'SET queued = :queued', condition: '#state = :open' },
  letIn: { update: 'REMOVE queued', condition: 'attribute_exists(pk)' },

  /** A run ends once; how it ended first stays. */
  markEnded: {
    update: 'SET #state = :state, finishedAt = :at',
    updateWithError: 'SET #state = :state, finishedAt = :at, #error = :error',
    condition: 'attribute_exists(pk) AND #state <> :finished AND #state <> :failed',
  },
} as const;
