import type { LaneShard, LaneState } from '../lane-state.ts';
import { valueAt } from '../runs.ts';

/** Batches in flight, counted by what bounds them. */
export class Flights {
  readonly #counts = new Map<string, number>();

  constructor(state: LaneState) {
    for (const { tenant, runs } of state.lanes) {
      for (const { run, shards } of runs) {
        for (const key of Object.values(shards).flatMap(keysInFlight)) this.add({ tenant, run, key });
      }
    }
  }

  add({ tenant, run, key }: { readonly tenant: string; readonly run: string; readonly key: string }): void {
    for (const name of [`tenant ${tenant}`, `run ${run}`, `key ${key}`]) this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  ofTenant = (tenant: string): number => this.#counts.get(`tenant ${tenant}`) ?? 0;
  ofRun = (run: string): number => this.#counts.get(`run ${run}`) ?? 0;
  ofKey = (key: string): number => this.#counts.get(`key ${key}`) ?? 0;
}

const keysInFlight = ({ e, k }: LaneShard): string[] => Object.entries(e).flatMap(([batch, { s }]) => (s === 'flight' ? [valueAt(k, Number(batch))] : []));
