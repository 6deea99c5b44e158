/** What stands beside a manifest that can't become a run: `<key>.refused.json`. */
export const refusalKey = (manifestKey: string): string => `${manifestKey}.refused.json`;
export const isRefusalKey = (key: string): boolean => key.endsWith('.refused.json');

/** The file's text. */
export const describeRefusal = (run: string, message: string): string =>
  `${JSON.stringify({ v: 1, run, error: 'ManifestRefusedError', message }, null, 1)}\n`;
