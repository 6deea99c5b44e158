import { uploadEventSchema } from '../shared/messages.ts';
import { parseJson } from '../shared/parse-json.ts';
import type { DeadLetter } from '../shared/ports.ts';

/** Where a dead letter can be sent again: to its queue, to admission, or nowhere. */
export type Route = 'queue' | 'upload' | 'none';

export function routeOf({ hasSource, body }: DeadLetter): Route {
  if (hasSource) return 'queue';
  return parseJson(body, uploadEventSchema).ok ? 'upload' : 'none';
}

/** What a person may do. No run waits for a dead letter: the ledger knows what is open, and the sweep sends it again. */
export function describeRoute({ id, route }: { readonly id: string; readonly route: Route }): string {
  const drop = `spillway parked drop ${id}`;
  const resend = `spillway parked resend ${id}`;
  switch (route) {
    case 'queue':
      return `${drop}; or, once its cause is mended, ${resend}. No run waits for it`;
    case 'upload':
      return `${resend} makes the upload a run; or ${drop}`;
    case 'none':
      return `${drop}: it can't be sent again`;
  }
}
