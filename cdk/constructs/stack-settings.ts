import { CfnParameter } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { CIDR_LIST, type StageParameters } from '../../shared/stages.ts';

/** What an operator sets when the stack is deployed. What a stage sets is no parameter: CloudFormation would keep the value of the deployment before, whatever the file says now. */
export class StackSettings extends Construct {
  readonly allowedNetworks: string;
  readonly hostRequestsPerSecond: string;
  readonly hostConnections: string;
  readonly logLevel: string;

  private readonly set: StageParameters;

  constructor(scope: Construct, id: string, set: StageParameters = {}) {
    super(scope, id);
    this.set = set;
    this.allowedNetworks = this.parameter('AllowedNetworks', {
      type: 'String',
      default: '',
      allowedPattern: CIDR_LIST,
      constraintDescription: 'expected networks as CIDR ranges with commas between them, such as 10.0.0.0/8,fd00::/8',
      description: 'Networks that workers may reach although their addresses are not public. Empty: none.',
    });
    this.hostRequestsPerSecond = this.parameter('HostRequestsPerSecond', {
      type: 'Number',
      default: 2,
      minValue: 0.001,
      description: 'Requests a second to one host, of all workers together.',
    });
    this.hostConnections = this.parameter('HostConnections', {
      type: 'Number',
      default: 2,
      minValue: 1,
      description: 'Connections to one host at once, of all workers together.',
    });
    this.logLevel = this.parameter('LogLevel', {
      type: 'String',
      default: 'INFO',
      allowedValues: ['DEBUG', 'INFO', 'WARN', 'ERROR'],
      description: 'The least level that functions log.',
    });
  }

  private parameter(name: keyof StageParameters, props: ConstructorParameters<typeof CfnParameter>[2]): string {
    const { [name]: value } = this.set;
    if (value !== undefined) return String(value);
    const parameter = new CfnParameter(this, name, props);
    parameter.overrideLogicalId(name);
    return parameter.valueAsString;
  }
}
