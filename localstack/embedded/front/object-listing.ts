import type { ObjectStore, StoredObject } from './fauxqs-parts.ts';

type ListOptions = NonNullable<Parameters<ObjectStore['listObjects']>[1]>;
type Listing = ReturnType<ObjectStore['listObjects']>;

/** S3: at most 1,000 entries a page. */
const MAX_PAGE_ENTRIES = 1000;

/**
 * One page of a bucket in the order of its keys' code units. fauxqs sorts by language but continues by code unit,
 * so that a second page could miss keys.
 */
export function listInKeyOrder(objects: ReadonlyMap<string, StoredObject>, options: ListOptions = {}): Listing {
  const { prefix = '', delimiter = '', maxKeys = MAX_PAGE_ENTRIES } = options;
  const after = options.startAfter ?? options.marker ?? '';
  const page: StoredObject[] = [];
  const commonPrefixes = new Set<string>();
  for (const key of sortedKeys(objects, prefix, after)) {
    const common = commonPrefixOf(key, prefix, delimiter);
    if (common !== undefined && (commonPrefixes.has(common) || common <= after)) continue;
    if (page.length + commonPrefixes.size >= maxKeys) return { objects: page, commonPrefixes: [...commonPrefixes], isTruncated: true };
    const object = objects.get(key);
    if (common !== undefined) commonPrefixes.add(common);
    else if (object !== undefined) page.push(object);
  }
  return { objects: page, commonPrefixes: [...commonPrefixes], isTruncated: false };
}

function sortedKeys(objects: ReadonlyMap<string, StoredObject>, prefix: string, after: string): readonly string[] {
  const keys: string[] = [];
  for (const key of objects.keys()) {
    if (key > after && key.startsWith(prefix)) keys.push(key);
  }
  return keys.sort();
}

function commonPrefixOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === '') return undefined;
  const end = key.indexOf(delimiter, prefix.length);
  return end < 0 ? undefined : key.slice(0, end + delimiter.length);
}
