import type { HandlerFunction } from '../constructs/handler-function.ts';
import type { RunStateMachine } from '../constructs/run-state-machine.ts';
import type { Foundation } from '../foundation.ts';
import { allowList, allowObjects, READ_VERSIONS, REFUSALS, WRITE_SMALL } from '../permissions.ts';

/** What admission does, at the upload's event and once more in the sweep when it was left half made. */
export function allowAdmission(foundation: Foundation, handler: HandlerFunction, machine: RunStateMachine): void {
  const { manifests } = foundation;
  allowObjects(handler, { bucket: manifests, actions: READ_VERSIONS, because: 'A manifest may have any name, and is known only by its event.' });
  allowList(handler, manifests);
  handler.allow(machine.arn, 'states:StartExecution');
}

/** Of manifests under any name; the API's own lie where it may write anyway. */
export function allowRefusals({ manifests }: Foundation, handler: HandlerFunction): void {
  allowObjects(handler, { bucket: manifests, keys: REFUSALS, actions: WRITE_SMALL, because: 'The refusal is written beside the manifest, which may have any name.' });
}
