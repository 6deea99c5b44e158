import { openAsBlob } from 'node:fs';
import type { UploadForm } from '../../client/spillway-client.ts';
import { type BackOff, fullJitterMs } from '../../shared/back-off.ts';

export interface PosterPorts {
  /** A form of the same upload, with time left. */
  readonly renew: () => Promise<UploadForm>;
  readonly fetch: typeof fetch;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** From 0 (included) to 1. */
  readonly random: () => number;
}

const ATTEMPTS = 6;
const BACK_OFF: BackOff = { baseMs: 600, capMs: 15_000 };
const RENEWED_BEFORE_MS = 120_000;
const TIMEOUT_MS = 600_000;

/** Posts files by an upload's form, renews it in time, and tries again what may pass. */
export class FormPoster {
  readonly #ports: PosterPorts;
  #form: Promise<UploadForm>;

  constructor(form: UploadForm, ports: PosterPorts) {
    this.#form = Promise.resolve(form);
    this.#ports = ports;
  }

  /** @param path below the upload @param body opened anew for each try @throws Error saying what stood in the way */
  async post(path: string, body: () => Promise<Blob>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const end = await this.#once(path, await body());
      if (end === 'stored') return;
      if (!end.mayPass || attempt === ATTEMPTS) throw new Error(`expected ${path} to be stored, ${end.reason}`);
      await this.#ports.sleep(fullJitterMs(attempt, BACK_OFF, this.#ports.random()));
    }
  }

  postFile(path: string, file: string): Promise<void> {
    return this.post(path, () => openAsBlob(file));
  }

  async #once(path: string, body: Blob): Promise<'stored' | { readonly mayPass: boolean; readonly reason: string }> {
    await this.#renewInTime();
    const held = this.#form;
    const { url, fields, keyPrefix } = await held;
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...fields, key: keyPrefix + path })) form.append(name, value);
    form.append('file', body, 'file');
    const response = await this.#ports.fetch(url, { method: 'POST', body: form, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch((error: unknown) => error as Error);
    if (response instanceof Error) return { mayPass: true, reason: `the connection failed: ${(response.cause as Error | undefined)?.message ?? response.message}` };
    const text = await response.text().catch(() => '');
    if (response.ok) return 'stored';
    const code = /<Code>(\w+)<\/Code>/.exec(text)?.[1] ?? '';
    const isExpired = response.status === 403 && /expired/i.test(text);
    if (isExpired) this.#replace(held);
    return { mayPass: isExpired || response.status >= 500 || response.status === 429 || code === 'RequestTimeout', reason: `S3 answered ${response.status} ${code}`.trimEnd() };
  }

  /** Before a file is sent: what is sent with the old form may take longer than it lasts. */
  async #renewInTime(): Promise<void> {
    const held = this.#form;
    const { expiresAt } = await held;
    if (Date.parse(expiresAt) - this.#ports.now() <= RENEWED_BEFORE_MS) this.#replace(held);
  }

  /** Whoever comes first renews it for all. */
  #replace(held: Promise<UploadForm>): void {
    if (this.#form === held) this.#form = this.#ports.renew();
  }
}
