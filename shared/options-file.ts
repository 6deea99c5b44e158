/**
 * Options that do not fit into the metadata of a manifest (S3: 2 KB in all) stand beside it, in `<key>.options.json`, and the metadata
 * `spillway-options-version` names the version that belongs to this manifest.
 */
const SUFFIX = '.options.json';

export const OPTIONS_METADATA = 'spillway-options';
export const OPTIONS_VERSION_METADATA = 'spillway-options-version';
/** The rest is for what else Spillway and the uploader say there. */
export const MAX_METADATA_OPTIONS_BYTES = 1000;
/** They are part of the run's record, which a worker reads with every batch. */
export const MAX_OPTIONS_BYTES = 64 * 1024;

export const optionsKey = (manifestKey: string): string => manifestKey + SUFFIX;
export const isOptionsKey = (key: string): boolean => key.endsWith(SUFFIX);
