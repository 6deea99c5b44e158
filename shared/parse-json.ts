import type { z } from 'zod';
import { PayloadError } from './errors.ts';

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Reads text that somebody else wrote: JSON of exactly this form, or the reason why not. */
export function parseJson<T>(text: string, schema: z.ZodType<T>): Parsed<T> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, reason: `expected JSON: ${(error as Error).message}` };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  return { ok: false, reason: describeIssues(parsed.error, 'message') };
}

/** What a function is called with. @throws PayloadError with all faults in one sentence */
export function readPayload<T>(payload: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new PayloadError(`expected another payload: ${describeIssues(parsed.error, 'payload').slice(0, MAX_FAULT_CHARACTERS)}`);
}

/** Step Functions and SQS carry it on. */
const MAX_FAULT_CHARACTERS = 1000;

const describeIssues = ({ issues }: z.ZodError, whole: string): string => issues.map((issue) => `${issue.path.join('.') || whole}: ${issue.message}`).join('; ');
