import { Duration } from 'aws-cdk-lib';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { HandlerFunction } from '../constructs/handler-function.ts';
import type { Foundation } from '../foundation.ts';

/** EventBridge tries for an hour; what it could not hand over is kept. */
export const eventTarget = ({ failedEvents }: Foundation, handler: HandlerFunction): LambdaFunction =>
  new LambdaFunction(handler.function, { deadLetterQueue: failedEvents, retryAttempts: 24, maxEventAge: Duration.hours(1) });
