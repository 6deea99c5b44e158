import { z } from 'zod';
import { ConfigurationError } from './errors.ts';
import { parseJson } from './parse-json.ts';

/** The file of the stages, at the root of the project. Without it, or without a stage, the stack is `Spillway` as the template has it. */
export const STAGES_FILE = 'stages.json';

const BASE_STACK_NAME = 'Spillway';

/** Lower-case, so that the name can stand in any of AWS's; the stack's name stays far below its 128 characters. */
const STAGE_NAME = /^[a-z][a-z0-9-]{0,29}$/;

/** With fewer, each of the four worker classes could not have the 2 workers that are the least which Lambda takes. */
export const LEAST_CONCURRENCY = 10;
/** Of the stack without a stage: its 50 workers, and a tenth for the other functions. */
export const DEFAULT_CONCURRENCY = 56;
const MOST_CONCURRENCY = 3_000;

/** Also the pattern of the template's parameter. */
export const CIDR_LIST = String.raw`^$|^[0-9a-fA-F.:]+/[0-9]{1,3}(,[0-9a-fA-F.:]+/[0-9]{1,3})*$`;

/** Of the template's parameters; one that is set here is written into the template. */
const parameters = z.strictObject({
  AllowedNetworks: z.string().regex(new RegExp(CIDR_LIST), 'expected networks as CIDR ranges with commas between them, such as 10.0.0.0/8,fd00::/8').optional(),
  HostRequestsPerSecond: z.number().min(0.001).optional(),
  HostConnections: z.int().min(1).optional(),
  LogLevel: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']).optional(),
});

const stage = z.strictObject({
  /** Twelve digits. @default the account of whoever deploys */
  account: z.string().regex(/^\d{12}$/, 'expected the 12 digits of an account, as text').optional(),
  /** @default the Region of whoever deploys */
  region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected a Region such as eu-central-1').optional(),
  /** Lambda executions at once that the stack may take of its account's; its workers get what they leave to the other functions. @default 50 workers at most */
  concurrency: z.int().min(LEAST_CONCURRENCY).max(MOST_CONCURRENCY).optional(),
  /** Who is told of alarms; has to confirm a mail of AWS first. @default nobody: alarms are seen in CloudWatch alone */
  alarmEmail: z.email().optional(),
  /** `false`: the account has a role with which API Gateway writes logs already, and this stack leaves it alone. @default true */
  setsApiLogRole: z.boolean().optional(),
  parameters: parameters.optional(),
});

const stages = z.strictObject({
  $schema: z.string().optional(),
  stages: z.record(z.string(), stage).superRefine((value, { addIssue }) => {
    const wrong = Object.keys(value).filter((name) => !STAGE_NAME.test(name));
    for (const name of wrong) addIssue({ code: 'custom', path: [name], message: 'expected the name of a stage: up to 30 lower-case letters, digits and hyphens, a letter first' });
  }),
});

export type Stage = z.infer<typeof stage>;
export type StageParameters = z.infer<typeof parameters>;

/** @param name of a stage; none: the stack without one */
export const stackNameOf = (name?: string): string => (name === undefined ? BASE_STACK_NAME : `${BASE_STACK_NAME}-${name}`);

/**
 * @param text what `stages.json` holds; undefined: there is no such file
 * @throws ConfigurationError naming the place of each fault, or the stages that there are
 */
export function findStage(text: string | undefined, name: string): Stage {
  if (text === undefined) throw new ConfigurationError(`expected the stage ${name} in ${STAGES_FILE}, but there is no such file at the root of the project: docs/deploying.md has an example`);
  const parsed = parseJson(text, stages);
  if (!parsed.ok) throw new ConfigurationError(`${STAGES_FILE}: ${parsed.reason}`);
  const found = Object.hasOwn(parsed.value.stages, name) ? parsed.value.stages[name] : undefined;
  if (!found) throw new ConfigurationError(`expected a stage of ${STAGES_FILE} (${Object.keys(parsed.value.stages).join(', ') || 'it has none'}), got ${name}`);
  return found;
}
