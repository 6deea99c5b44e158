import type { Clock } from '../../shared/ports.ts';

const NAMES_REMEMBERED = 1000;

/** Says yes to each name at most once in `ms`. */
export function limitToEvery(ms: number, clock: Clock): (name: string) => boolean {
  const last = new Map<string, number>();
  return (name) => {
    if (clock() < (last.get(name) ?? -Infinity) + ms) return false;
    last.delete(name);
    last.set(name, clock());
    if (last.size > NAMES_REMEMBERED) last.delete(last.keys().next().value!);
    return true;
  };
}
