/** An error answer (RFC 9457), thrown among the parts of the API. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly title: string;
  readonly retryAfterSeconds: number | undefined;
  readonly errors: readonly FieldError[] | undefined;

  constructor(status: number, detail: string, more: { readonly retryAfterSeconds?: number; readonly errors?: readonly FieldError[] } = {}) {
    super(detail);
    this.status = status;
    this.title = TITLES[status] ?? 'Error';
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.errors = more.errors;
  }
}

/** One fault of a request. `pointer`: a JSON pointer (RFC 6901) into what `in` names. */
export interface FieldError {
  readonly in: 'body' | 'query' | 'path' | 'header';
  readonly pointer: string;
  readonly detail: string;
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const RETRYABLE: ReadonlySet<number> = new Set([409, 429, 500, 503]);

/** The body of the answer. `retryable`: the same request may succeed later. */
export const problemBody = ({ status, title, message, errors }: Problem) => ({ type: 'about:blank', title, status, detail: message, retryable: RETRYABLE.has(status), ...(errors && { errors }) });
