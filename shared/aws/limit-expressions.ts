/**
 * The conditional writes of the table `limits`; checked with the executable model, change that first.
 * Usage counters (`#used`, one for ten seconds) are added to in the same writes.
 */
export const LIMIT_EXPRESSIONS = {
  idle: {
    update: 'SET tat = :after, v = if_not_exists(v, :zero) + :one, gen = :gen, refd = if_not_exists(refd, :zero) + :lock, #ttl = :ttl ADD #used :units',
    condition: '(attribute_not_exists(tat) OR tat <= :now) AND (attribute_not_exists(gen) OR gen = :gen)',
  },
  busy: {
    update: 'SET tat = tat + :amount, v = v + :one, refd = refd + :lock, #ttl = :ttl ADD #used :units',
    condition: 'tat > :now AND tat <= :bound AND gen = :gen',
  },
  /** `refd = :seen`: the SDK's second try of a write whose answer was lost would give back twice. */
  giveBack: {
    update: 'SET tat = tat - :amount, refd = refd + :amount ADD #used :units',
    condition: 'gen = :gen AND (v = :mine OR refd <= :max) AND refd = :seen',
  },
  chargeMore: {
    update: 'SET tat = tat + :amount, v = v + :one ADD #used :units',
    condition: 'attribute_exists(tat) AND gen = :gen',
  },
  pause: {
    update: 'SET tat = :after, pause = :pause, v = if_not_exists(v, :zero) + :one, gen = if_not_exists(gen, :zero) + :one, refd = if_not_exists(refd, :zero), #ttl = :ttl REMOVE since',
    condition: 'attribute_not_exists(tat) OR tat < :after',
  },
  /** `tat` is later already: the promises are void all the same. */
  pauseAgain: {
    update: 'SET pause = :pause, v = v + :one, gen = gen + :one REMOVE since',
    condition: 'tat >= :after AND (attribute_not_exists(pause) OR pause <= :pause)',
  },
  changeRate: {
    update: 'SET tat = :after, t = :t, burst = :burst, gen = gen + :one, v = v + :one REMOVE since',
    condition: 'gen = :gen AND tat = :seen',
  },
  /** What was promised holds: `since` stays, or begins with the generation that ends here. */
  raiseRate: {
    update: 'SET tat = :after, t = :t, burst = :burst, since = if_not_exists(since, gen), gen = gen + :one, v = v + :one, t0 = :t0, stepAt = :stepAt',
    condition: 'gen = :gen AND tat = :seen',
  },
  countFailure: { update: 'SET fails = if_not_exists(fails, :zero) + :one, #ttl = if_not_exists(#ttl, :ttl)' },
  countThrottle: { update: 'SET throttles = :throttles, throttledAt = :now, #ttl = if_not_exists(#ttl, :ttl)' },
  openBreaker: {
    update: 'SET breakerUntil = :until, breakerCount = :count REMOVE fails, probe',
    condition: 'attribute_not_exists(breakerCount) OR breakerCount < :count',
  },
  /** Only while the breaker is half open; a lease that is over is another one's. */
  takeProbe: {
    update: 'SET probe = :lease',
    condition: 'attribute_exists(breakerUntil) AND breakerUntil <= :now AND (attribute_not_exists(probe) OR probe.#u < :over OR probe.#o = :me)',
  },
  closeBreaker: { update: 'REMOVE fails, breakerUntil, breakerCount, probe', condition: 'attribute_exists(fails) OR attribute_exists(breakerCount)' },
  /** A lease is free when it has ended by every clock, or is one's own. */
  takeSlot: {
    update: 'SET #slot = :lease, #ttl = :ttl',
    condition: 'attribute_not_exists(#slot) OR #slot.#u < :now OR #slot.#o = :me',
  },
  giveSlotBack: { update: 'REMOVE #slot', condition: '#slot.#o = :me' },
} as const;
