import { type Stack, Validations } from 'aws-cdk-lib';
import { Alarm } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';

/** Every alarm of the stack goes to this address, also when it is over. */
export function tellOfAlarms(stack: Stack, email: string): void {
  const topic = new Topic(stack, 'Alarms', { enforceSSL: true });
  topic.addSubscription(new EmailSubscription(email));
  Validations.of(topic).acknowledge(
    { id: 'AwsSolutions-SNS2', reason: 'CloudWatch may not use the key that AWS manages, a key of our own has a fixed price a month, and an alarm names a queue and nothing else.' },
    { id: 'Serverless-SNSRedrivePolicy', reason: 'A mail that does not arrive is still an alarm in CloudWatch.' },
  );
  const action = new SnsAction(topic);
  for (const alarm of stack.node.findAll().filter((construct) => construct instanceof Alarm)) {
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
  }
}
