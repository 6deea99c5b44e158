import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';

export interface RecordTableProps {
  /** Has the sort key `sort` beside the partition key `pk`. @default false */
  readonly hasSortKey?: boolean;
  /** Why a loss of all its records does no harm. Without a reason the table can be restored to any second of the last 35 days. */
  readonly lossIsHarmlessBecause?: string;
}

/** A table on demand, with string keys; records with an attribute `ttl` (seconds since the epoch) go after that time. */
export class RecordTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, props: RecordTableProps = {}) {
    super(scope, id);
    this.table = new Table(this, 'Default', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      ...(props.hasSortKey && { sortKey: { name: 'sort', type: AttributeType.STRING } }),
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: props.lossIsHarmlessBecause === undefined },
      timeToLiveAttribute: 'ttl',
      removalPolicy: RemovalPolicy.RETAIN,
    });
    if (props.lossIsHarmlessBecause) Validations.of(this).acknowledge({ id: 'AwsSolutions-DDB3', reason: props.lossIsHarmlessBecause });
  }
}
