import type { ProcessAnswer } from '../../processors/processor.ts';
import { copyJsonObject, textOf } from '../../shared/json-copy.ts';
import type { ItemError } from '../../shared/rows.ts';

/** What an item's `output` may be as JSON: a part is one object in memory, of a worker and of whoever merges or verifies. */
export const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;
/** JSON.parse and JSON.stringify go deeper, other readers' do not. */
export const MAX_OUTPUT_DEPTH = 100;
const MAX_NAME_CHARACTERS = 100;
const MAX_TEXT_CHARACTERS = 2000;
const MAX_LIMIT_CHARACTERS = 500;

export interface CheckedAnswer {
  readonly answer: ProcessAnswer;
  /** Of the output as JSON; 0 if there is none. */
  readonly outputBytes: number;
}

/**
 * What a processor returned, as an answer that holds only what the contract names, detached from the processor and sure to be written as JSON.
 * Anything else is that item's own failure, `ProcessorAnswerError`. Never throws, whatever the processor answers.
 */
export function checkAnswer(answer: unknown): CheckedAnswer {
  try {
    return readAnswer(answer);
  } catch (error) {
    return refuse(`expected an answer, reading it failed: ${textOf(error)}`);
  }
}

function readAnswer(answer: unknown): CheckedAnswer {
  if (typeof answer !== 'object' || answer === null) return refuse(`expected an answer with a \`verdict\`, got ${answer === null ? 'null' : typeof answer}`);
  const { verdict } = answer as { verdict?: unknown };
  switch (verdict) {
    case 'succeeded':
      return readOutput((answer as { output?: unknown }).output);
    case 'failed':
      return readError((answer as { error?: unknown }).error);
    case 'skipped':
      return readReason((answer as { reason?: unknown }).reason);
    case 'held':
      return readHeld(answer);
    default:
      return refuse(`expected the verdict succeeded, failed, skipped or held, got ${describe(verdict)}`);
  }
}

function readOutput(output: unknown): CheckedAnswer {
  const copy = copyJsonObject(output, { maxBytes: MAX_OUTPUT_BYTES, maxDepth: MAX_OUTPUT_DEPTH });
  return copy.ok ? { answer: { verdict: 'succeeded', output: copy.value }, outputBytes: copy.bytes } : refuse(`\`output\`: ${copy.reason}`);
}

function readError(error: unknown): CheckedAnswer {
  if (typeof error !== 'object' || error === null) return refuse(`expected \`error\` to be an object, got ${describe(error)}`);
  const { name, message, retryable } = error as { name?: unknown; message?: unknown; retryable?: unknown };
  if (!isName(name)) return refuse(`expected \`error.name\` to be a text of 1 to ${MAX_NAME_CHARACTERS} characters, got ${describe(name)}`);
  if (typeof message !== 'string') return refuse(`expected \`error.message\` to be a text, got ${describe(message)}`);
  return withoutOutput({ verdict: 'failed', error: { name, message: message.slice(0, MAX_TEXT_CHARACTERS), retryable: retryable === true } });
}

function readReason(reason: unknown): CheckedAnswer {
  if (typeof reason !== 'string' || reason === '') return refuse(`expected \`reason\` to be a text, got ${describe(reason)}`);
  return withoutOutput({ verdict: 'skipped', reason: reason.slice(0, MAX_TEXT_CHARACTERS) });
}

/** It travels in a report, which takes whole milliseconds and a short key only. */
function readHeld(answer: object): CheckedAnswer {
  const { until, limit } = answer as { until?: unknown; limit?: unknown };
  const whole = typeof until === 'number' ? Math.ceil(until) : NaN;
  if (!Number.isSafeInteger(whole) || whole < 0) return refuse(`expected \`until\` to be milliseconds since the epoch, got ${describe(until)}`);
  return withoutOutput({ verdict: 'held', until: whole, ...(typeof limit === 'string' && { limit: limit.slice(0, MAX_LIMIT_CHARACTERS) }) });
}

/**
 * What a processor threw is a fault of its own: the name stays, so that people can look for it. Never throws.
 * What is no error, or can't be read, is an `UnknownError`.
 */
function describeThrown(thrown: unknown): ItemError {
  const unknown: ItemError = { name: 'UnknownError', message: textOf(thrown), retryable: false };
  try {
    if (!(thrown instanceof Error) || !isName(thrown.name)) return unknown;
    return { name: thrown.name, message: textOf(thrown), retryable: (thrown as { retryable?: unknown }).retryable === true };
  } catch {
    return unknown;
  }
}

/** What a processor threw, as its answer. */
export const checkThrown = (thrown: unknown): CheckedAnswer => withoutOutput({ verdict: 'failed', error: describeThrown(thrown) });

const isName = (name: unknown): name is string => typeof name === 'string' && name !== '' && name.length <= MAX_NAME_CHARACTERS;

const withoutOutput = (answer: ProcessAnswer): CheckedAnswer => ({ answer, outputBytes: 0 });

const refuse = (message: string): CheckedAnswer => withoutOutput({ verdict: 'failed', error: { name: 'ProcessorAnswerError', message, retryable: false } });

const describe = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value.slice(0, MAX_NAME_CHARACTERS)) : typeof value === 'number' ? String(value) : value === null ? 'null' : `a value of type ${typeof value}`);
