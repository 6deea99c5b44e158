import type { QueueDefinition, TableDefinition } from '../contracts.ts';
import type { JsonRecord } from './json.ts';

/** A resolved template, sorted by what the embedded stack does with it. */
export interface StackPlan {
  readonly buckets: readonly BucketPlan[];
  readonly tables: readonly TableDefinition[];
  readonly queues: readonly QueueDefinition[];
  readonly functions: readonly FunctionPlan[];
  readonly mappings: readonly MappingPlan[];
  readonly rules: readonly RulePlan[];
  readonly machines: readonly MachinePlan[];
  readonly api: ApiPlan | undefined;
  readonly roles: readonly RolePlan[];
  readonly outputs: Readonly<Record<string, string>>;
}

export interface BucketPlan {
  readonly name: string;
  readonly isVersioned: boolean;
  readonly sendsEvents: boolean;
}

export interface FunctionPlan {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  readonly codeFolder: string;
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  /** Queue that takes an event whose asynchronous invocations all failed. */
  readonly deadLetterArn: string | undefined;
  /** Repeats of a failed asynchronous invocation: 0, 1 or 2. */
  readonly asyncRetries: number;
}

export interface MappingPlan {
  readonly logicalId: string;
  readonly functionName: string;
  readonly queueArn: string;
  readonly isFifo: boolean;
  readonly batchSize: number;
  readonly windowSeconds: number;
  readonly reportsItemFailures: boolean;
  readonly maximumConcurrency: number | undefined;
  readonly isEnabled: boolean;
}

export interface RulePlan {
  readonly logicalId: string;
  readonly arn: string;
  readonly pattern: JsonRecord | undefined;
  readonly periodSeconds: number | undefined;
  readonly isEnabled: boolean;
  readonly targets: readonly { readonly functionName: string; readonly input: string | undefined }[];
}

export interface MachinePlan {
  readonly logicalId: string;
  readonly arn: string;
  readonly definition: unknown;
}

export interface ApiPlan {
  readonly id: string;
  readonly stage: string;
  readonly routes: readonly ApiRoute[];
  /** Media types whose answers may be bytes; a `*` in it stands for all. */
  readonly binaryMediaTypes: readonly string[];
}

export interface ApiRoute {
  /** `ANY` or an HTTP method. */
  readonly method: string;
  /** `/`, `/v1/{id}` or `/{proxy+}` */
  readonly path: string;
  readonly functionName: string;
}

/** What a principal may do: the policies of its role, as data for the IAM test. */
export interface RolePlan {
  readonly logicalId: string;
  /** Logical id of the function or state machine that takes the role; undefined if a service does. */
  readonly principal: string | undefined;
  readonly statements: readonly JsonRecord[];
}
