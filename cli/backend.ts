import type { Admission } from '../shared/admission.ts';
import type { KeyStore } from '../shared/api-keys.ts';
import type { ManifestUpload } from '../shared/aws/upload-manifest.ts';
import type { LimitControl } from '../shared/limiting/limit-control.ts';
import type { QueueDescription, RunWait } from '../shared/describe-queue.ts';
import type { DeadLetters, ObjectStore, RunLedger } from '../shared/ports.ts';
import type { ManifestSource } from '../shared/rows.ts';
import type { RunControl } from '../shared/run-control.ts';
import type { TenantAdmin } from '../shared/tenant-admin.ts';

/** A running stack, as the commands see it. */
export interface Backend {
  readonly endpoint: string;
  readonly ledger: Pick<RunLedger, 'readRun' | 'readShards' | 'readDone' | 'listRuns'>;
  readonly results: ObjectStore;
  readonly manifests: ObjectStore;
  readonly uploads: ObjectStore;
  /** Limits that hold the run back. */
  waitsOf(run: string): Promise<readonly RunWait[]>;
  /** Whose turn it is. */
  describeQueue(): Promise<QueueDescription>;
  /** Stores a manifest; its event makes the run. */
  upload(manifest: ManifestUpload): Promise<ManifestSource>;
  readonly control: RunControl;
  readonly tenants: TenantAdmin;
  readonly deadLetters: DeadLetters;
  readonly limits: LimitControl;
  readonly keys: KeyStore;
  /** Does what the function that admits uploads does with their event. @throws PayloadError if it is no such event */
  admit(event: unknown): Promise<Admission>;
  /** Another process runs it: it is there when this one has ended. */
  readonly isElsewhere: boolean;
  /** Of the REST API, if there is one. */
  readonly apiEndpoint: string | undefined;
  /** Lets what is in work end, then stops; a stack that another process runs is left alone. */
  stop(): Promise<void>;
}

export interface BackendOptions {
  /** Where the embedded stack keeps everything. */
  readonly dataFolder: string;
  /** Workers at once of each worker class; undefined: the machine's cores. */
  readonly workers?: number;
  /** CIDR ranges that may be reached although they are not public. */
  readonly allowedNetworks: readonly string[];
  /** What is stored is only read: no function runs, and no run goes on. */
  readonly isReadOnly?: boolean;
  /** Requests a second to one host; undefined: the template's default. */
  readonly hostRatePerSecond?: number;
}
