import { createInterface } from 'node:readline';

/** @returns the line that was typed, empty after Ctrl-C or Ctrl-D; undefined where nobody sits at a terminal */
export async function askPerson(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  const reader = createInterface({ input: process.stdin, output: process.stderr, prompt: question });
  const answer = new Promise<string>((resolve) => reader.once('line', resolve).once('close', () => resolve('')));
  reader.prompt();
  try {
    return await answer;
  } finally {
    reader.close();
  }
}
