/** An item is named by its run and its line. */
export interface ItemName {
  readonly run: string;
  readonly line: number;
}

export const ITEM_ID_PATTERN = /^r[a-z2-7]{25}\.[1-9]\d{0,9}$/;

export const itemIdOf = ({ run, line }: ItemName): string => `${run}.${line}`;

/** @param id as `ITEM_ID_PATTERN` says */
export function parseItemId(id: string): ItemName {
  const [run = '', line] = id.split('.');
  return { run, line: Number(line) };
}
