import { ListExecutionsCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** Rejects if the queue does not answer. */
export const probeQueue = (sqs: SQSClient, url: string): Promise<unknown> => sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['ApproximateNumberOfMessages'] }));

/** Rejects if the state machine does not answer. */
export const probeStateMachine = (sfn: SFNClient, arn: string): Promise<unknown> => sfn.send(new ListExecutionsCommand({ stateMachineArn: arn, maxResults: 1 }));
