/** What the API answered instead of what was asked for: a problem document (RFC 9457), or no answer at all (`status` 0). */
export class SpillwayApiError extends Error {
  override readonly name = 'SpillwayApiError';
  readonly status: number;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterSeconds: number | undefined;
  /** Every fault of the request, each with a JSON pointer. */
  readonly faults: readonly { readonly in: string; readonly pointer: string; readonly detail: string }[];

  constructor(message: string, details: { readonly status: number; readonly retryable: boolean; readonly retryAfterSeconds?: number | undefined; readonly faults?: SpillwayApiError['faults']; readonly cause?: unknown }) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.retryable = details.retryable;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.faults = details.faults ?? [];
  }
}
