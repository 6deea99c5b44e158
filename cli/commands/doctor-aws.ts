import type { AwsAccount } from '../../shared/deployment.ts';
import { DEFAULT_CONCURRENCY, LEAST_CONCURRENCY, type Stage, STAGES_FILE } from '../../shared/stages.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';
import { describeFinding, type Finding, judge } from './doctor.ts';

export interface Deployable {
  /** Name of the stack. */
  readonly stack: string;
  readonly stage: Stage;
}

interface Place {
  readonly account: string;
  readonly region: string;
}

/** CDK: assets of this template need it. */
const LEAST_BOOTSTRAP_VERSION = 6;

/** Looks at what a deployment needs of the account, each with its remedy. */
export async function doctorAwsCommand(target: Deployable, account: AwsAccount, terminal: Terminal): Promise<ExitCode> {
  const findings = await lookAt(target, account);
  if (terminal.isJson) terminal.print(JSON.stringify(findings));
  else for (const line of findings.flatMap(describeFinding)) terminal.print(line);
  return findings.every(({ isWell }) => isWell) ? EXIT.ok : EXIT.wrongUse;
}

/** Without a Region or credentials nothing else can be asked. */
async function lookAt({ stack, stage }: Deployable, account: AwsAccount): Promise<Finding[]> {
  const region = await account.region();
  const first = judgeRegion(region, stage);
  if (region === undefined || !first.isWell) return [first];
  const identity = await ask(account.identity());
  const second = judgeIdentity(identity, stage);
  if ('error' in identity || !second.isWell) return [first, second];
  const place = { account: identity.answer.account, region };
  const [version, concurrency, status] = await Promise.all([ask(account.bootstrapVersion()), ask(account.concurrency()), ask(account.stackStatus(stack))]);
  return [
    first,
    second,
    answered('bootstrap', version, 'ssm:GetParameter', (value) => judgeBootstrap(value, place)),
    answered('concurrency', concurrency, 'lambda:GetAccountSettings', (value) => judgeConcurrency(value, stage, place)),
    answered('stack', status, 'cloudformation:DescribeStacks', (value) => judgeStack(value, stack)),
  ];
}

type Asked<T> = { readonly answer: T } | { readonly error: Error };

const ask = <T>(question: Promise<T>): Promise<Asked<T>> =>
  question.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error: error as Error }),
  );

const answered = <T>(name: string, asked: Asked<T>, permission: string, judgeAnswer: (value: T) => Finding): Finding =>
  'answer' in asked ? judgeAnswer(asked.answer) : judge(name, false, describeError(asked.error), `let this identity do ${permission}`);

const describeError = ({ name, message }: Error): string => [name, message.split('\n')[0]].filter(Boolean).join(': ');

function judgeRegion(region: string | undefined, stage: Stage): Finding {
  if (region === undefined) return judge('Region', false, 'none is set', 'give --region, or set AWS_REGION: `export AWS_REGION=eu-central-1`');
  const isWell = stage.region === undefined || stage.region === region;
  return judge('Region', isWell, isWell ? region : `${region}, but the stage is for ${stage.region}`, `give --region ${stage.region}, or none: the stage's is taken then`);
}

function judgeIdentity(asked: Asked<{ readonly account: string; readonly arn: string }>, stage: Stage): Finding {
  if ('error' in asked) return judge('identity', false, describeError(asked.error), remedyOf(asked.error));
  const { account, arn } = asked.answer;
  const isWell = stage.account === undefined || stage.account === account;
  return judge('identity', isWell, isWell ? arn : `${arn}, but the stage is for the account ${stage.account}`, `give --aws-profile with a profile of the account ${stage.account}`);
}

/** By the names of the SDK's and STS's errors. */
function remedyOf({ name, message }: Error): string {
  if (/Expired|TokenRefresh|SSOToken/i.test(`${name} ${message}`)) return 'sign in again: `aws sso login`, or whatever gave you the credentials';
  if (name === 'CredentialsProviderError') return 'sign in: `aws configure sso` or `aws configure`, then --aws-profile <name> or AWS_PROFILE if it is not the default one';
  if (/InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch/.test(name)) return 'check the key; if it works in other Regions, this one is not enabled for the account (Account settings, AWS Regions)';
  if (/ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|TimeoutError/.test(`${name} ${message}`)) return 'check the name of the Region, the way to the internet, and AWS_ENDPOINT_URL if it is set';
  return 'check the credentials: `aws sts get-caller-identity` has to answer';
}

function judgeBootstrap(version: number | undefined, { account, region }: Place): Finding {
  const found = version === undefined ? `the CDK has nothing in ${region}` : `version ${version}`;
  return judge('bootstrap', version !== undefined && version >= LEAST_BOOTSTRAP_VERSION, found, `npx cdk bootstrap aws://${account}/${region}`);
}

function judgeConcurrency(limit: number, stage: Stage, { region }: Place): Finding {
  const wanted = stage.concurrency ?? DEFAULT_CONCURRENCY;
  const quota = `ask for more: \`aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000 --region ${region}\``;
  const smaller = limit < LEAST_CONCURRENCY ? '' : `set "concurrency": ${limit} for the stage in ${STAGES_FILE}, or `;
  return judge('concurrency', limit >= wanted, `${limit} executions at once, the stack takes up to ${wanted}`, `${smaller}${quota}`);
}

function judgeStack(status: string | undefined, stack: string): Finding {
  if (status === undefined) return judge('stack', true, `${stack} is not deployed yet`, '');
  return judge('stack', isUpdatable(status), `${stack} is ${status}`, remedyOfStatus(status, stack));
}

/** CloudFormation: an update may begin in these states alone. */
const isUpdatable = (status: string): boolean => ['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'IMPORT_COMPLETE', 'IMPORT_ROLLBACK_COMPLETE', 'REVIEW_IN_PROGRESS'].includes(status);

function remedyOfStatus(status: string, stack: string): string {
  if (status === 'UPDATE_ROLLBACK_FAILED') return `mend what the stack's events name, then \`aws cloudformation continue-update-rollback --stack-name ${stack}\``;
  if (status.endsWith('_IN_PROGRESS')) return `wait for its end: \`aws cloudformation describe-stack-events --stack-name ${stack}\` shows how far it is`;
  return `it can't be updated any more: \`spillway destroy --stack ${stack}\` keeps its data; then deploy anew`;
}
