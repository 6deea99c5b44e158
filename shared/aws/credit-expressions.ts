/** The conditional writes of a tenant's credits: one item a tenant, `#r` is the run's id. The model `credits` was checked with them. */
export const CREDIT_EXPRESSIONS = {
  putIfAbsent: 'attribute_not_exists(pk)',

  /** A hold that is there, or was settled, is never taken again: the tombstone stays for a day. */
  hold: {
    update: 'SET holds.#r = :amount, balance = balance - :amount',
    condition: 'attribute_not_exists(holds.#r) AND balance >= :amount',
  },

  /** Only a hold that still stands is settled, so a repeated end charges once. */
  settle: {
    update: 'SET holds.#r = :tombstone, balance = balance + :back, charged = charged + :charge',
    condition: 'holds.#r = :amount',
  },

  openAdds: { update: 'SET adds = :none', condition: 'attribute_exists(pk) AND attribute_not_exists(adds)' },

  /** An addition has an id, so that one whose answer was lost counts once. `:least` keeps the balance from going below 0. */
  add: { update: 'SET balance = balance + :amount, adds.#id = :note', condition: 'attribute_not_exists(adds.#id) AND balance >= :least' },

  forgetAddition: { update: 'REMOVE adds.#id', condition: 'adds.#id = :note' },

  bury: { condition: 'holds.#r = :tombstone' },
} as const;
