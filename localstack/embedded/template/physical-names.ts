import { createHash } from 'node:crypto';

/** Length and form that each service asks of a name. Buckets and queues have the strictest rules of all. */
const LIMITS: Readonly<Record<string, { readonly maxLength: number; readonly isLowerCase?: boolean }>> = {
  'AWS::S3::Bucket': { maxLength: 63, isLowerCase: true },
  'AWS::SQS::Queue': { maxLength: 80 },
  'AWS::Lambda::Function': { maxLength: 64 },
  'AWS::IAM::Role': { maxLength: 64 },
  'AWS::Events::Rule': { maxLength: 64 },
  'AWS::StepFunctions::StateMachine': { maxLength: 80 },
};
const DEFAULT_MAX_LENGTH = 128;
const HASH_LENGTH = 8;

/** The same stack and logical id give the same name at each start, so that a restart finds its data. */
export function physicalName(stackName: string, logicalId: string, type: string, suffix = ''): string {
  const { maxLength = DEFAULT_MAX_LENGTH, isLowerCase = false } = LIMITS[type] ?? {};
  const plain = `${stackName}-${logicalId}`.replace(/[^A-Za-z0-9-]/g, '-');
  const name = isLowerCase ? plain.toLowerCase() : plain;
  const room = maxLength - suffix.length;
  if (name.length <= room) return name + suffix;
  const hash = createHash('sha256').update(plain).digest('hex').slice(0, HASH_LENGTH);
  return `${name.slice(0, room - HASH_LENGTH - 1)}-${hash}${suffix}`;
}
