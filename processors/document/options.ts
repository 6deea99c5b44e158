import { z } from 'zod';

const MIB = 1024 * 1024;
const MAX_LABELS = 100;
const MAX_KEYWORDS = 200;

const label = z.string().trim().min(1).max(100);
const keywords = z.array(z.string().trim().min(1).max(100)).min(1).max(MAX_KEYWORDS);

/** Which documents a label is for. A keyword is a word, or several in a row; capitals do not count. */
const labelRuleSchema = z
  .strictObject({
    /** At least one of them stands in the document. */
    any: keywords.optional(),
    /** Each of them does. */
    all: keywords.optional(),
    /** None of them does. */
    none: keywords.optional(),
    /** Where they are looked for. */
    in: z.enum(['text', 'title', 'both']).default('both'),
  })
  .refine(({ any, all, none }) => any ?? all ?? none, 'expected keywords in `any`, `all` or `none`, got none');

export const optionsSchema = z.strictObject({
  /** Label -> its rule. Whoever reads a run's options back gets them in no order, so a label's place means nothing. */
  labels: z
    .record(label, labelRuleSchema)
    .refine((labels) => Object.keys(labels).length <= MAX_LABELS, `expected at most ${MAX_LABELS} labels`)
    .optional(),
  /** Of documents that no rule is for. @default they have none */
  defaultLabel: label.optional(),
  /** A larger document is not read. */
  maxBytes: z.int().min(1).max(100 * MIB).default(50 * MIB),
  /** Pages of a PDF whose text is read. */
  maxPages: z.int().min(1).max(10_000).default(2_000),
  /** Characters (UTF-16 units) of text in the result. */
  maxCharacters: z.int().min(1).max(2_000_000).default(200_000),
});

export type DocumentOptions = z.infer<typeof optionsSchema>;
export type LabelRule = z.infer<typeof labelRuleSchema>;
