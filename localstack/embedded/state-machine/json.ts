export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
export const isJsonObject = (value: Json | undefined): value is JsonObject => isObject(value);
export const isJsonArray = (value: Json | undefined): value is readonly Json[] => Array.isArray(value);

/** Step Functions: 256 KiB of UTF-8 for every input, result and output. */
export const PAYLOAD_LIMIT_BYTES = 262_144;

export const isTooLarge = (text: string): boolean => text.length * 3 > PAYLOAD_LIMIT_BYTES && Buffer.byteLength(text) > PAYLOAD_LIMIT_BYTES;
