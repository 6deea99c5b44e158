import { readFileSync } from 'node:fs';
import { UsageError } from '../shared/errors.ts';
import { isTenantId } from '../shared/names.ts';
import type { SpillwayClient } from '../client/spillway-client.ts';
import type { Backend, BackendOptions } from './backend.ts';
import type { Terminal } from './terminal.ts';

/** What every command gets. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly tenant: string;
  readonly backendOptions: BackendOptions;
  /** Speaks to the API of the profile that was chosen; undefined: none was. */
  readonly openClient?: () => Promise<SpillwayClient | undefined>;
  /** Starts or finds the stack; tests hand in a fake. */
  readonly startBackend: (options: BackendOptions) => Promise<Backend>;
  /** Aborts at the first Ctrl-C. */
  readonly signal: AbortSignal;
}

export interface GlobalOptions {
  readonly json?: true;
  readonly data: string;
  readonly tenant: string;
  readonly workers?: string;
  readonly allowNetwork?: readonly string[];
  readonly hostRate?: string;
  readonly profile?: string;
}

/** @throws UsageError naming the option */
export function readBackendOptions(options: GlobalOptions): BackendOptions {
  const { data, workers, hostRate, allowNetwork = [] } = options;
  for (const network of allowNetwork) checkNetwork(network);
  return {
    dataFolder: data,
    allowedNetworks: allowNetwork,
    ...(workers !== undefined && { workers: readNumber('--workers', workers, { min: 1, max: 256, isInteger: true }) }),
    ...(hostRate !== undefined && { hostRatePerSecond: readNumber('--host-rate', hostRate, { min: 0.001, max: 100_000 }) }),
  };
}

export function readTenant({ tenant }: GlobalOptions): string {
  if (!isTenantId(tenant)) throw new UsageError(`expected --tenant to be 1 to 63 lower-case letters, digits and hyphens, got ${tenant}`);
  return tenant;
}

function readNumber(name: string, text: string, { min, max, isInteger = false }: { min: number; max: number; isInteger?: boolean }): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (value >= min && value <= max && (!isInteger || Number.isInteger(value))) return value;
  throw new UsageError(`expected ${name} to be ${isInteger ? 'an integer' : 'a number'} from ${min} to ${max}, got ${text}`);
}

function checkNetwork(network: string): void {
  if (/^[0-9a-f.:]+\/\d{1,3}$/i.test(network)) return;
  throw new UsageError(`expected --allow-network to be a network such as 127.0.0.0/8, got ${network}`);
}

/**
 * `key=value` pairs as a run's options; values are JSON where they can be, and `@path` is what a file holds.
 * @throws UsageError for a pair without `=`, or a file that can't be read
 */
export function readRunOptions(pairs: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new UsageError(`expected --option name=value, got ${pair}`);
      return [pair.slice(0, at), readValue(readText(pair.slice(at + 1)))];
    }),
  );
}

function readText(given: string): string {
  if (!given.startsWith('@')) return given;
  try {
    return readFileSync(given.slice(1), 'utf8');
  } catch (error) {
    throw new UsageError(`expected a file at ${given.slice(1)}: ${(error as Error).message}`);
  }
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
