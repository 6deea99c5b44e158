import type { Mutation } from './mutation.ts';

const EXPRESSIONS = 'shared/aws/ledger-expressions.ts';
const LEDGER = 'shared/aws/run-ledger.ts';
const CLAIMS = ['test/unit/protocol/claims.test.ts'];
const CAREFUL = ['test/unit/protocol/careful-mode.test.ts'];
const COMPLETION = ['test/unit/protocol/completion.test.ts'];
const PLAN_AND_STOP = ['test/unit/protocol/plan-and-stop.test.ts'];
const ADMISSION = ['test/unit/protocol/admission-and-end.test.ts'];

/**
 * Conditions of the ledger, and what it makes of a refusal. A condition is made true with `OR attribute_exists(pk)`, not taken out: an expression
 * whose values are not all used is refused as a whole, and any test would notice that.
 */
export const LEDGER_MUTATIONS: readonly Mutation[] = [
  {
    rule: 'claim',
    does: 'a lease that runs keeps nobody out',
    file: EXPRESSIONS,
    edits: [{ text: "condition: 'b.#k.#q = :q AND b.#k.#u < :now'", instead: "condition: 'b.#k.#q = :q AND (b.#k.#u < :now OR attribute_exists(pk))'" }],
    noticedBy: CLAIMS,
  },
  {
    rule: 'claim',
    does: 'a batch is claimed at whatever q it stands',
    file: EXPRESSIONS,
    edits: [{ text: "condition: 'b.#k.#q = :q AND b.#k.#u < :now'", instead: "condition: '(b.#k.#q = :q OR attribute_exists(pk)) AND b.#k.#u < :now'" }],
    noticedBy: CLAIMS,
  },
  {
    rule: 'own-claim',
    does: 'a refused claim is never one’s own',
    file: LEDGER,
    edits: [{ text: "if (batch.o === claim.owner && batch.q === claim.q) return { kind: 'claimed', shard };", instead: '' }],
    noticedBy: CLAIMS,
  },
  {
    rule: 'alive-first',
    does: 'a refused claim looks at q before it looks whether the owner is alive',
    file: LEDGER,
    edits: [{ text: 'return isLeased(batch, claim.now) ?', instead: 'return batch.q === claim.q && isLeased(batch, claim.now) ?' }],
    noticedBy: CLAIMS,
  },
  {
    rule: 'settle-condition',
    does: 'SETTLE without the condition on q and o',
    file: EXPRESSIONS,
    edits: [{ text: "    condition: 'b.#k.#q = :q AND b.#k.#o = :me',\n    /** Cancel", instead: "    condition: '(b.#k.#q = :q AND b.#k.#o = :me) OR attribute_exists(pk)',\n    /** Cancel" }],
    noticedBy: CLAIMS,
  },
  {
    rule: 'settle-condition',
    does: 'SETTLE without the condition on o',
    file: EXPRESSIONS,
    edits: [{ text: "    condition: 'b.#k.#q = :q AND b.#k.#o = :me',\n    /** Cancel", instead: "    condition: 'b.#k.#q = :q AND (b.#k.#o = :me OR attribute_exists(pk))',\n    /** Cancel" }],
    noticedBy: CLAIMS,
  },
  {
    rule: 'settle-condition',
    does: 'SETTLE without the condition on q',
    file: EXPRESSIONS,
    edits: [{ text: "    condition: 'b.#k.#q = :q AND b.#k.#o = :me',\n    /** Cancel", instead: "    condition: '(b.#k.#q = :q OR attribute_exists(pk)) AND b.#k.#o = :me',\n    /** Cancel" }],
    noticedBy: CLAIMS,
  },
  {
    rule: 'own-settlement',
    does: 'a refused settlement is never one’s own',
    file: LEDGER,
    edits: [{ text: "kind: isMine ? 'settled' : 'beaten'", instead: "kind: isMine && false ? 'settled' : 'beaten'" }],
    noticedBy: CLAIMS,
  },
  {
    rule: 'mark-absolute',
    does: 'the careful mark adds to the stored number: a call made twice counts twice',
    file: EXPRESSIONS,
    edits: [{ text: 'b.#k.#dn = :times', instead: 'b.#k.#dn = b.#k.#dn + :times' }],
    noticedBy: CAREFUL,
  },
  {
    rule: 'mark-condition',
    does: 'whoever lost the batch marks all the same',
    file: EXPRESSIONS,
    edits: [{ text: "    condition: 'b.#k.#q = :q AND b.#k.#o = :me',\n  },", instead: "    condition: '(b.#k.#q = :q AND b.#k.#o = :me) OR attribute_exists(pk)',\n  }," }],
    noticedBy: CAREFUL,
  },
  {
    rule: 'done-set',
    does: 'DONE counts every ADD',
    file: 'shared/aws/ledger-updates.ts',
    edits: [{ text: 'new Set([shard])', instead: 'new Set([shard + Math.random()])' }],
    noticedBy: COMPLETION,
  },
  {
    rule: 'await-current',
    does: 'the token of any execution is stored, also of a superseded one',
    file: EXPRESSIONS,
    edits: [{ text: "condition: 'execution = :me AND attempt <= :attempt'", instead: "condition: '(execution = :me OR attribute_exists(pk)) AND attempt <= :attempt'" }],
    noticedBy: COMPLETION,
  },
  {
    rule: 'await-order',
    does: 'the token of an older attempt is stored over that of a newer one',
    file: EXPRESSIONS,
    edits: [{ text: "condition: 'execution = :me AND attempt <= :attempt'", instead: "condition: 'execution = :me AND (attempt <= :attempt OR attribute_exists(pk))'" }],
    noticedBy: COMPLETION,
  },
  {
    rule: 'plan-frozen',
    does: 'a second planning replaces the first',
    file: EXPRESSIONS,
    edits: [{ text: "condition: 'attribute_exists(pk) AND attribute_not_exists(#plan)'", instead: "condition: 'attribute_exists(pk) OR attribute_not_exists(#plan)'" }],
    noticedBy: PLAN_AND_STOP,
  },
  {
    rule: 'shard-if-absent',
    does: 'shard records are put over those that are there',
    file: LEDGER,
    edits: [{ text: 'putShard: (shard) => putIfAbsent(', instead: 'putShard: (shard) => put(' }],
    noticedBy: PLAN_AND_STOP,
  },
  {
    rule: 'cancel-condition',
    does: 'a stop settles without the condition on q',
    file: EXPRESSIONS,
    edits: [{ text: "conditionOnQ: 'b.#k.#q = :q'", instead: "conditionOnQ: 'b.#k.#q = :q OR attribute_exists(pk)'" }],
    noticedBy: PLAN_AND_STOP,
  },
  {
    rule: 'open-first',
    does: 'OPEN is written after RUN',
    file: LEDGER,
    edits: [
      { text: '      await put({ ...openKey(open.run), ...open });\n', instead: '' },
      { text: '      if (stored.deletedAt === undefined) await enlist(stored);\n', instead: '      await put({ ...openKey(open.run), ...open });\n      await enlist(stored);\n' },
    ],
    noticedBy: ADMISSION,
  },
];
