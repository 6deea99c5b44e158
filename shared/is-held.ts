import type { RunRecord } from './records.ts';

/** Nothing of the run is sent or begun: it is paused, waits to be let in, is being stopped, or has ended. */
export const isHeld = ({ state, paused, queued }: Pick<RunRecord, 'state' | 'paused' | 'queued'>): boolean => state !== 'open' || paused === true || queued !== undefined;
