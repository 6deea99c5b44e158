import type { KeyStore, NewKey, KeyRecord } from '../../shared/api-keys.ts';
import type { Processor } from '../../processors/processor.ts';
import type { QueueDescription, RunWait } from '../../shared/describe-queue.ts';
import type { Admission } from '../../shared/admission.ts';
import type { FormSigner } from '../../shared/aws/signed-forms.ts';
import type { ManifestUpload } from '../../shared/aws/upload-manifest.ts';
import type { StoredSubmission } from '../../shared/aws/submission-table.ts';
import type { Clock, CreditAccounts, ObjectStore, RunErasures, RunLedger, TenantStore, WaitingRoom } from '../../shared/ports.ts';
import type { LimitControl } from '../../shared/limiting/limit-control.ts';
import type { TenantAdmin } from '../../shared/tenant-admin.ts';
import type { RunControl } from '../../shared/run-control.ts';
import type { PARTS } from './operations/service.ts';
import type { JsonObject, ManifestSource } from '../../shared/rows.ts';

/** What the API needs of the outside. */
export interface ApiPorts {
  readonly keys: KeyStore;
  readonly newKey: (of: Pick<KeyRecord, 'tenant' | 'scopes' | 'name' | 'createdAt' | 'expiresAt'>) => NewKey;
  readonly ledger: Pick<RunLedger, 'readRun' | 'readShards' | 'listRuns'>;
  readonly control: RunControl;
  readonly erasures: Pick<RunErasures, 'markDeleted'>;
  readonly results: ObjectStore;
  readonly manifests: Pick<ObjectStore, 'head' | 'bucket'>;
  /** A link that opens one object of the results until `seconds` are over. */
  readonly signResult: (key: string, seconds: number) => Promise<string>;
  readonly upload: (manifest: ManifestUpload) => Promise<ManifestSource>;
  readonly admit: (upload: { readonly source: ManifestSource; readonly uploadedAt: string }) => Promise<Admission>;
  readonly uploads: Pick<ObjectStore, 'list' | 'open' | 'head' | 'write'>;
  readonly signForm: FormSigner;
  readonly submissions: SubmissionStore;
  readonly tenants: Pick<TenantStore, 'readSettings'>;
  readonly accounts: Pick<CreditAccounts, 'read'>;
  readonly room: Pick<WaitingRoom, 'read'>;
  /** Items a second that the limit on all items of such a run allows; undefined: there is none. */
  readonly limitPerSecond: (processor: Processor, options: JsonObject) => Promise<number | undefined>;
  readonly findProcessor: (name: string) => Processor | undefined;
  readonly tenantAdmin: TenantAdmin;
  readonly limits: LimitControl;
  readonly waitsOf: (run: string) => Promise<readonly RunWait[]>;
  readonly describeQueue: () => Promise<QueueDescription>;
  /** Rejects if that part of the stack does not answer. */
  readonly probe: (part: (typeof PARTS)[number]) => Promise<unknown>;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly onError: (error: unknown) => void;
}

export interface SubmissionStore {
  /** Takes the name, if nobody has it. @returns what is there: one's own or the other's */
  take(name: string, submission: StoredSubmission): Promise<{ readonly isMine: boolean; readonly submission: StoredSubmission }>;
  /** Takes it over from who has not stored anything since then. @returns false if it was somebody else */
  takeOver(name: string, seen: StoredSubmission, now: number): Promise<boolean>;
  /** Says which run it became. */
  settle(name: string, run: string): Promise<void>;
}
