import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat, CfnAccount, EndpointType, LambdaIntegration, LogGroupLogDestination, RestApi } from 'aws-cdk-lib/aws-apigateway';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

const REQUESTS_PER_SECOND = 100;
const BURST_REQUESTS = 200;

export interface HttpApiProps {
  readonly handler: IFunction;
  /** Gives the account the role with which API Gateway writes logs; false: the account has one. */
  readonly setsLogRole: boolean;
}

/** A REST API that hands every path to one function. */
export class HttpApi extends Construct {
  readonly url: string;

  constructor(scope: Construct, id: string, { handler, setsLogRole }: HttpApiProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', { retention: RetentionDays.ONE_MONTH, removalPolicy: RemovalPolicy.DESTROY });
    const api = new RestApi(this, 'Default', {
      restApiName: Stack.of(this).stackName.toLowerCase(),
      cloudWatchRole: false,
      // A form's file is bytes; everything else is text.
      binaryMediaTypes: ['multipart/form-data'],
      endpointTypes: [EndpointType.REGIONAL],
      deployOptions: {
        stageName: 'prod',
        throttlingRateLimit: REQUESTS_PER_SECOND,
        throttlingBurstLimit: BURST_REQUESTS,
        accessLogDestination: new LogGroupLogDestination(logGroup),
        accessLogFormat: AccessLogFormat.jsonWithStandardFields(),
      },
    });
    // The stack has its own output with a fixed name.
    api.node.tryRemoveChild('Endpoint');
    const integration = new LambdaIntegration(handler, { allowTestInvoke: false });
    api.root.addMethod('ANY', integration);
    api.root.addResource('{proxy+}').addMethod('ANY', integration);
    if (setsLogRole) api.deploymentStage.node.addDependency(this.letApiGatewayLog());
    this.url = api.url;
    this.explainFindings();
  }

  private explainFindings(): void {
    Validations.of(this).acknowledge(
      { id: 'AwsSolutions-APIG2', reason: 'One function answers every path; it validates each request against the schema that its OpenAPI document is made from.' },
      { id: 'AwsSolutions-APIG3', reason: 'A web ACL has a fixed price a month, which would end the scaling to zero; an operator can put one on the stage.' },
      { id: 'AwsSolutions-APIG4', reason: 'The function asks for a key of its own, with scopes, for every route but the health check and the OpenAPI document, which tell nothing about any tenant.' },
      { id: 'AwsSolutions-COG4', reason: 'Callers are programs, not people in a user pool.' },
      { id: 'AwsSolutions-APIG6', reason: 'The access log has a line for every request; execution logs would go to a log group that this stack neither owns nor limits.' },
      { id: 'Serverless-APIGWXrayEnabled', reason: 'One function stands behind the API: the access log and its own log tell the way of a request.' },
      {
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
        reason: "The account's one log role serves every API in it, so it has what AWS says such a role must have.",
      },
    );
  }

  /**
   * API Gateway writes no log before the account has a role for it. The setting is one an account and Region: each stack sets it to a role of its own that can do the same,
   * the last one counts, and both stay when their stack goes. So stages may come and go in any order.
   */
  private letApiGatewayLog(): CfnAccount {
    const role = new Role(this, 'LogRole', {
      assumedBy: new ServicePrincipal('apigateway.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonAPIGatewayPushToCloudWatchLogs')],
    });
    role.applyRemovalPolicy(RemovalPolicy.RETAIN);
    const account = new CfnAccount(this, 'Account', { cloudWatchRoleArn: role.roleArn });
    account.applyRemovalPolicy(RemovalPolicy.RETAIN);
    return account;
  }
}
