import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';

export interface DataBucketProps {
  /** Keeps every version, and the replaced ones for 90 days. @default false */
  readonly isVersioned?: boolean;
  /** Objects go after so many days. @default they stay */
  readonly expireAfterDays?: number;
  /** Sends its events to EventBridge: of all keys, so a bucket that functions write results to must not. @default false */
  readonly sendsEvents?: boolean;
}

/** A private, encrypted bucket that outlives the stack. */
export class DataBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: DataBucketProps = {}) {
    super(scope, id);
    this.bucket = new Bucket(this, 'Default', {
      versioned: props.isVersioned ?? false,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        {
          abortIncompleteMultipartUploadAfter: Duration.days(1),
          ...(props.expireAfterDays !== undefined && { expiration: Duration.days(props.expireAfterDays) }),
          ...(props.isVersioned && { noncurrentVersionExpiration: Duration.days(90) }),
        },
      ],
    });
    if (props.sendsEvents) this.sendEvents();
    Validations.of(this).acknowledge({
      id: 'AwsSolutions-S1',
      reason: 'Server access logs need one more bucket, whose logs arrive late and not for certain; who wants an audit trail turns on CloudTrail data events for this bucket.',
    });
  }

  /** On the L1 bucket: the L2 property would bring a custom resource, and those do not run offline. */
  private sendEvents(): void {
    const resource = this.bucket.node.defaultChild as CfnBucket;
    resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
  }
}
