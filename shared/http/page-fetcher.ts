import type { Held } from '../limiter.ts';
import type { ItemError } from '../rows.ts';

/** Fetches one URL for a processor; the implementation is in `undici-page-fetcher.ts`. */
export type PageFetcher = (request: PageRequest) => Promise<PageAnswer>;

export interface PageRequest {
  /** Absolute http or https URL. */
  readonly url: string;
  readonly signal: AbortSignal;
  /** False for robots.txt itself and sitemaps named there. @default true */
  readonly obeysRobots?: boolean;
  /** Media types that are of use; another one is `UnsupportedMediaTypeError` and its body is not read. @default any */
  readonly mediaTypes?: readonly string[];
  /** Most bytes of the body, on the wire and unpacked alike. @default the fetcher's own */
  readonly maxBodyBytes?: number;
  /** Whose request it is, for limits of tenants and groups. A worker fills it in. */
  readonly tenant?: string;
  readonly group?: string;
  /** Requests to the URL's host that are about to follow it. A worker fills it in. */
  readonly ahead?: number;
}

export type PageAnswer =
  | {
      readonly kind: 'page';
      /** After redirects. */
      readonly url: string;
      readonly status: number;
      /** Media type without parameters, lower case; '' if absent. */
      readonly mediaType: string;
      readonly headers: Readonly<Record<string, string>>;
      /** Unpacked body. */
      readonly body: Uint8Array;
      /** Body as text, by header, BOM, meta. */
      text(): string;
    }
  | { readonly kind: 'failed'; readonly error: ItemError }
  | { readonly kind: 'disallowed' }
  | Held;
