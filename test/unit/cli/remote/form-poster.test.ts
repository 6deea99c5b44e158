import { describe, expect, it } from 'vitest';
import { FormPoster } from '../../../../cli/remote/form-poster.ts';
import type { UploadForm } from '../../../../client/spillway-client.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');
const formOf = (policy: string, expiresAt: string): UploadForm => ({ upload: 'u1', url: 'https://s3.test/', fields: { Policy: policy, key: 'acme/u1/${filename}' }, keyPrefix: 'acme/u1/', maxFiles: 10_000, maxFileBytes: 100, expiresAt });
const LASTING = formOf('first', '2026-06-01T13:00:00Z');
const EXPIRED = '<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired.</Message></Error>';

type Answer = Error | { readonly status: number; readonly text?: string };

function posterOf(form: UploadForm, ...answers: readonly Answer[]) {
  const sent: { readonly policy: string; readonly key: string; readonly text: string; readonly last: string }[] = [];
  const slept: number[] = [];
  let renewals = 0;
  const fake = async (_: string, { body }: { readonly body: FormData }): Promise<Response> => {
    sent.push({ policy: body.get('Policy') as string, key: body.get('key') as string, text: await (body.get('file') as File).text(), last: [...body.keys()].at(-1)! });
    const answer = answers[Math.min(sent.length, answers.length) - 1]!;
    if (answer instanceof Error) throw answer;
    return new Response(answer.status === 204 ? null : (answer.text ?? ''), { status: answer.status });
  };
  const renew = async (): Promise<UploadForm> => formOf(`renewed ${++renewals}`, '2026-06-01T13:00:00Z');
  const poster = new FormPoster(form, { renew, fetch: fake as unknown as typeof fetch, now: () => NOW, sleep: async (ms) => void slept.push(ms), random: () => 1 });
  return { sent, slept, post: (path: string) => poster.post(path, async () => new Blob(['text'])) };
}

describe('a file', () => {
  it('goes with all fields of the form, under its own key, behind them', async () => {
    const { post, sent } = posterOf(LASTING, { status: 204 });
    await post('a/b.txt');
    expect(sent).toEqual([{ policy: 'first', key: 'acme/u1/a/b.txt', text: 'text', last: 'file' }]);
  });

  it('is sent again, later each time, when the connection breaks or S3 is busy', async () => {
    const { post, sent, slept } = posterOf(LASTING, new TypeError('fetch failed'), { status: 503 }, { status: 204 });
    await post('a');
    expect(sent).toHaveLength(3);
    expect(slept).toEqual([600, 1200]);
  });

  it('is given up after six tries, or at once if another try would be the same', async () => {
    const busy = posterOf(LASTING, { status: 500 });
    await expect(busy.post('a')).rejects.toThrow('expected a to be stored, S3 answered 500');
    const large = posterOf(LASTING, { status: 400, text: '<Error><Code>EntityTooLarge</Code></Error>' });
    await expect(large.post('a')).rejects.toThrow('S3 answered 400 EntityTooLarge');
    expect([busy.sent.length, large.sent.length]).toEqual([6, 1]);
  });

  it('goes with a new form when the old one has no time left, which all files share', async () => {
    const { post, sent } = posterOf(formOf('old', '2026-06-01T12:01:00Z'), { status: 204 });
    await Promise.all([post('a'), post('b'), post('c')]);
    expect(sent.map(({ policy }) => policy)).toEqual(['renewed 1', 'renewed 1', 'renewed 1']);
  });

  it('goes again with a new form when S3 says that the old one has expired', async () => {
    const { post, sent } = posterOf(LASTING, { status: 403, text: EXPIRED }, { status: 204 });
    await post('a');
    expect(sent.map(({ policy }) => policy)).toEqual(['first', 'renewed 1']);
  });
});
