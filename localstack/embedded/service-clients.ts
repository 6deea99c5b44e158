import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SFNClient, StartExecutionCommand, type StartExecutionCommandInput } from '@aws-sdk/client-sfn';
import { SendMessageCommand, SQSClient, type SendMessageCommandInput } from '@aws-sdk/client-sqs';
import { REGION, type Principal, type ServiceFront, type StateMachineTools } from './contracts.ts';

/** Clients of the stack's own parts; each principal signs with its own access key. */
export class ServiceClients {
  readonly #front: ServiceFront;
  readonly #endpoint: string;
  readonly #queues = new Map<Principal, SQSClient>();
  readonly #objects = new Map<Principal, S3Client>();
  readonly #executions = new Map<Principal, SFNClient>();

  constructor(front: ServiceFront, endpoint: string) {
    this.#front = front;
    this.#endpoint = endpoint;
  }

  queues(principal: Principal): SQSClient {
    // A queue's URL names the emulator's host; the endpoint is the front.
    return getOrMake(this.#queues, principal, () => new SQSClient({ ...this.#access(principal), useQueueUrlAsEndpoint: false }));
  }

  /** What a state machine's service integrations call. */
  readonly call: StateMachineTools['callService'] = async (service, action, input, principal) => {
    const name = `${service}:${action}`;
    switch (name) {
      case 's3:GetObject': {
        const { Bucket, Key } = input as { Bucket: string; Key: string };
        const { Body } = await getOrMake(this.#objects, principal, () => new S3Client({ ...this.#access(principal), forcePathStyle: true })).send(new GetObjectCommand({ Bucket, Key }));
        return { Body: await Body?.transformToString() };
      }
      case 'sqs:SendMessage':
        return this.queues(principal).send(new SendMessageCommand(input as unknown as SendMessageCommandInput));
      case 'states:StartExecution':
        return getOrMake(this.#executions, principal, () => new SFNClient(this.#access(principal))).send(new StartExecutionCommand(input as unknown as StartExecutionCommandInput));
      default:
        throw new RangeError(`expected s3:GetObject, sqs:SendMessage or states:StartExecution, got ${name}`);
    }
  };

  destroy(): void {
    for (const client of [...this.#queues.values(), ...this.#objects.values(), ...this.#executions.values()]) client.destroy();
  }

  #access(principal: Principal): { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string } } {
    return { endpoint: this.#endpoint, region: REGION, credentials: { ...this.#front.credentialsFor(principal) } };
  }
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
