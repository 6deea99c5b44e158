import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';

export interface RecordTableProps {
  /** Has the sort key `sk` beside the partition key `pk`. @default false */
  readonly hasSortKey?: boolean;
  /** Can be restored to any second of the last 35 days. @default false */
  readonly isRecoverable?: boolean;
}

/** A table on demand, with string keys; records with an attribute `ttl` (seconds since the epoch) go after that time. */
export class RecordTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, props: RecordTableProps = {}) {
    super(scope, id);
    this.table = new Table(this, 'Default', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      ...(props.hasSortKey && { sortKey: { name: 'sk', type: AttributeType.STRING } }),
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: props.isRecoverable ?? false },
      timeToLiveAttribute: 'ttl',
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}
