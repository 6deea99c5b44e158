import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { UsageError } from '../shared/errors.ts';
import { extensionOf } from '../shared/manifest/detect-format.ts';

/** One manifest to be uploaded. */
export interface ManifestInput {
  /** Last part of the key: its ending helps to tell the format. */
  readonly name: string;
  /** What the person gave. */
  readonly from: string;
  open(): AsyncIterable<Uint8Array>;
}

/** How a URL becomes pages: those that the site's sitemaps name, or the page's own links within the site. */
export const SITE_EXPANSIONS = ['sitemap', 'links'] as const;
export type SiteExpansion = (typeof SITE_EXPANSIONS)[number];

const MANIFEST_EXTENSIONS = new Set(['txt', 'text', 'list', 'csv', 'tsv', 'json', 'jsonl', 'ndjson', 'xml']);

export const isManifestName = (path: string): boolean => MANIFEST_EXTENSIONS.has(extensionOf(path));

/**
 * What `run` was given: a URL is a site (one row that is expanded), a file is a manifest, a folder is every manifest in it, each a run of its own.
 * @throws UsageError for anything else
 */
export async function resolveInputs(given: string, expand: SiteExpansion = 'sitemap'): Promise<ManifestInput[]> {
  if (/^https?:\/\//i.test(given)) return [siteInput(given, expand)];
  const found = await stat(given).catch(() => undefined);
  if (!found) throw new UsageError(`expected a URL, a manifest file or a folder, but there is nothing at ${given}`);
  if (!found.isDirectory()) return [fileInput(given)];
  const entries = await readdir(given, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && isManifestName(entry.name)).map(({ name }) => name).toSorted();
  if (files.length === 0) throw new UsageError(`expected a manifest (${[...MANIFEST_EXTENSIONS].join(', ')}; also .gz) in ${given}, found none`);
  return files.map((name) => fileInput(join(given, name)));
}

const fileInput = (path: string): ManifestInput => ({ name: safeName(basename(path)), from: path, open: () => createReadStream(path) });

/** A site: one row that the planner expands. */
function siteInput(given: string, expand: SiteExpansion): ManifestInput {
  const url = URL.parse(given);
  if (!url) throw new UsageError(`expected a URL such as https://example.com/, got ${given}`);
  const row = `${JSON.stringify({ url: url.href, expand })}\n`;
  return { name: safeName(`${url.host}.jsonl`), from: url.href, open: () => Readable.from([Buffer.from(row)]) };
}

/** S3's documentation: these characters are safe in keys everywhere. */
const safeName = (name: string): string => name.replaceAll(/[^\w.-]/g, '_');
