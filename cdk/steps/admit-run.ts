import { Rule } from 'aws-cdk-lib/aws-events';
import type { RunStateMachine } from '../constructs/run-state-machine.ts';
import type { Foundation } from '../foundation.ts';
import { allowAdmission, allowRefusals } from './allow-admission.ts';
import { eventTarget } from './event-target.ts';

/** A manifest's upload becomes a run. */
export function addAdmitRun(foundation: Foundation, machine: RunStateMachine): void {
  const { stack, progress, manifests, failedEvents } = foundation;
  const admit = foundation.addFunction('AdmitRun', {
    handler: 'admit-run',
    description: 'Makes a run of an uploaded manifest, or writes down why not.',
    memoryMb: 512,
    timeoutSeconds: 60,
    deadLetterQueue: failedEvents,
    environment: {
      PROGRESS_TABLE: progress.tableName,
      MANIFESTS_BUCKET: manifests.bucketName,
      STATE_MACHINE_ARN: machine.arn,
    },
  });
  admit.allow(progress.tableArn, 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem');
  allowAdmission(foundation, admit, machine);
  allowRefusals(foundation, admit);
  new Rule(stack, 'ManifestUploaded', {
    description: 'Every object that is stored in the manifests bucket.',
    eventPattern: { source: ['aws.s3'], detailType: ['Object Created'], detail: { bucket: { name: [manifests.bucketName] } } },
    targets: [eventTarget(foundation, admit)],
  });
}
