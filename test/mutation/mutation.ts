/** One rule of the product taken out of its source, and the tests that must notice. */
export interface Mutation {
  /** As the executable model names it; a rule that the model does not have bears the name of its test. */
  readonly rule: string;
  /** What is done instead. */
  readonly does: string;
  readonly file: string;
  /** Applied in turn; each `text` occurs exactly once in the file. */
  readonly edits: readonly Edit[];
  /** Test files that hold a test of the rule's name; more than one is only needed where they look at different sides of it. */
  readonly noticedBy: readonly string[];
}

export interface Edit {
  readonly text: string;
  readonly instead: string;
}

/** @throws Error unless each text occurs exactly once: a mutation whose source has changed proves nothing */
export function mutate(source: string, { rule, file, edits }: Mutation): string {
  return edits.reduce((mutated, { text, instead }) => {
    const count = mutated.split(text).length - 1;
    if (count !== 1) throw new Error(`expected the text of mutation ${rule} exactly once in ${file}, found it ${count} times: ${text}`);
    return mutated.replace(text, () => instead);
  }, source);
}
