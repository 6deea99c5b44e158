/**
 * The trace header of an invocation, in X-Ray's form; the SDK sends it with every call (`X-Amzn-Trace-Id`). A request id is a UUID, and a trace id
 * has as many digits: here the one is the other, so that whoever sees a call knows the invocation that made it.
 */
export function traceHeaderOf(requestId: string): string {
  const digits = requestId.replaceAll('-', '');
  return `Root=1-${digits.slice(0, 8)}-${digits.slice(8)};Parent=${digits.slice(0, 16)};Sampled=0`;
}

/** The inverse of `traceHeaderOf`, or undefined for anything else. */
export function requestIdOf(traceHeader: string): string | undefined {
  const [, start, rest = ''] = /^Root=1-([0-9a-f]{8})-([0-9a-f]{24});/.exec(traceHeader) ?? [];
  if (start === undefined) return undefined;
  return [start, rest.slice(0, 4), rest.slice(4, 8), rest.slice(8, 12), rest.slice(12)].join('-');
}
