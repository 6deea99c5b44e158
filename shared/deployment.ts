/** What an operator's commands ask of an account and do to a deployed stack. */

/** Who looks at an account; each question may fail as AWS's own error. */
export interface AwsAccount {
  /** As the AWS SDK finds it; undefined: nothing names one. */
  region(): Promise<string | undefined>;
  identity(): Promise<{ readonly account: string; readonly arn: string }>;
  /** Of the CDK's resources in this account and Region; undefined: there are none. */
  bootstrapVersion(): Promise<number | undefined>;
  /** Lambda executions at once that the account has in this Region. */
  concurrency(): Promise<number>;
  /** CloudFormation's word; undefined: there is no such stack. */
  stackStatus(stack: string): Promise<string | undefined>;
}

/** What stays when its stack goes, because the template says `Retain`. */
export interface KeptResource {
  readonly logicalId: string;
  /** `AWS::S3::Bucket` and the like. */
  readonly type: string;
  readonly name: string;
}

export interface DeployedStack {
  /** Its ARN: it names the stack also after its end. */
  readonly id: string;
  /** Its end came before: what it kept may still be there. */
  readonly isDeleted: boolean;
  readonly kept: readonly KeptResource[];
  readonly outputs: Readonly<Record<string, string>>;
}

/** How a stack goes. All may be repeated: what is gone is no error. */
export interface StackRemoval {
  /** The stack, or the last one of this name whose end is less than 90 days ago. */
  find(stack: string): Promise<DeployedStack | undefined>;
  /** Runs that have not ended, of all tenants. */
  openRuns(stack: DeployedStack): Promise<readonly string[]>;
  /** Returns when it is gone. @throws ConfigurationError with CloudFormation's reason if it can't go */
  deleteStack(stack: DeployedStack): Promise<void>;
  /** Deletes every version, every marker, and every upload that has no end; then the bucket. @param onProgress hears how many are gone so far */
  deleteBucket(bucket: string, onProgress: (deleted: number) => void): Promise<void>;
  deleteTable(table: string): Promise<void>;
}
