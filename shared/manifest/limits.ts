/** What a manifest may hold. All bounds are included; docs and refusals name the same constants. */

/** A row, without its line end. A longer one is an invalid row; the rest of the manifest is unharmed. */
export const MAX_ROW_BYTES = 256 * 1024;
/** Objects and arrays within each other in a JSON row, the row itself included. A deeper one is an invalid row. */
export const MAX_ROW_DEPTH = 100;
/** Rows of a manifest, those it expands to included. More: the manifest is refused. */
export const MAX_ROWS = 16_000_000;
/** After unpacking: stops a compressed bomb. */
export const MAX_UNPACKED_BYTES = 20 * 1024 ** 3;
/** gzip within gzip. */
export const MAX_GZIP_LAYERS = 2;
/** Rows of a manifest that ask to be expanded; they are kept in memory until the manifest ends. */
export const MAX_EXPANDING_ROWS = 50_000;
/** A row that an expansion gave may ask again, as a sitemap index names sitemaps. */
export const MAX_EXPAND_DEPTH = 3;
/** What `invalid.ndjson.gz` keeps of a row. */
export const MAX_KEPT_ROW_BYTES = 1024;

/** What `invalid.ndjson.gz` and a refusal keep of a reason: it may quote the row. */
export const MAX_REASON_CHARACTERS = 500;

export const MAX_SHARD_ITEMS = 5000;
export const MAX_BATCH_ITEMS = 1000;
export const MAX_SHARD_BATCHES = 32;
export const MAX_SHARD_BYTES = 8 * 1024 * 1024;
