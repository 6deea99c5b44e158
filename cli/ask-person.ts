import { createInterface } from 'node:readline/promises';

/** @returns the line that was typed; undefined where nobody sits at a terminal */
export async function askPerson(question: string, signal: AbortSignal): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const line = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await line.question(question, { signal });
  } finally {
    line.close();
  }
}
