import type { LimitSettings } from '../limit-settings.ts';
import type { RateSetting } from '../limit-language.ts';

/** Where limits are set; the adapter is `shared/aws/limit-settings-table.ts`. */
export interface LimitSettingsStore {
  read(): Promise<LimitSettings>;
  set(pattern: string, setting: RateSetting): Promise<void>;
  /** @returns false if there was none */
  unset(pattern: string): Promise<boolean>;
}

/** A setting that changed is known to every worker within this time; the record of its key changes at once. */
export const SETTINGS_KEPT_MS = 10_000;

/** Remembers the settings; those it had are better than none if they can't be read. */
export function rememberSettings({ read }: Pick<LimitSettingsStore, 'read'>, clock: () => number): () => Promise<LimitSettings> {
  let known: { readonly settings: LimitSettings; readonly until: number } | undefined;
  let reading: Promise<LimitSettings> | undefined;
  const refresh = async (): Promise<LimitSettings> => {
    try {
      known = { settings: await read(), until: clock() + SETTINGS_KEPT_MS };
    } catch (error) {
      if (!known) throw error;
      known = { ...known, until: clock() + SETTINGS_KEPT_MS };
    }
    return known.settings;
  };
  return async () => {
    if (known && clock() < known.until) return known.settings;
    return (reading ??= refresh().finally(() => (reading = undefined)));
  };
}
