import { limitForKey, type LimitSettings } from '../shared/limit-settings.ts';
import { splitOptions } from '../shared/manifest/common-options.ts';
import type { JsonObject } from '../shared/rows.ts';
import type { Processor } from './processor.ts';

const US_PER_SECOND = 1_000_000;

/** Items a second that the limit on all items of such a run allows; undefined: they share none, or it is not limited. */
export async function mainLimitPerSecond(processor: Processor | undefined, options: JsonObject, { settings, hostRequestsPerSecond }: { readonly settings: () => Promise<LimitSettings>; readonly hostRequestsPerSecond: number }): Promise<number | undefined> {
  const parsed = processor?.mainLimitKey && processor.optionsSchema.safeParse(splitOptions(options).own);
  if (!parsed?.success) return undefined;
  const limit = limitForKey(processor!.mainLimitKey!(parsed.data), await settings(), { maxWaitMs: 0, hostRequestsPerSecond });
  return limit && US_PER_SECOND / limit.unitUs;
}
