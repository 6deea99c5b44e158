import { describe, expect, it } from 'vitest';
import type { Assembly } from '../../../../../localstack/embedded/template/assembly.ts';
import { planStack } from '../../../../../localstack/embedded/template/plan.ts';
import type { StackPlan } from '../../../../../localstack/embedded/template/stack-plan.ts';

const ROLE = { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: {} } };
const functionWith = (environment: object, more: object = {}) => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    Code: { S3Bucket: 'assets', S3Key: 'abc.zip' },
    Handler: 'index.handler',
    Runtime: 'nodejs24.x',
    Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
    Environment: { Variables: environment },
    ...more,
  },
});

function plan(resources: object, sections: object = {}, parameters: Record<string, string> = {}): StackPlan {
  const template = { Resources: { Role: ROLE, ...resources }, ...sections };
  const assembly: Assembly = { stackName: 'Test', template, assetPath: (key) => (key === 'abc.zip' ? '/bundles/abc' : undefined) };
  return planStack(assembly, { parameters, queueUrl: (name) => `http://127.0.0.1:1/000000000000/${name}` });
}

const valueOf = (expression: unknown, sections: object = {}, parameters = {}, others: object = {}): string | undefined =>
  plan({ F: functionWith({ X: expression }), ...others }, sections, parameters).functions[0]!.environment['X'];

describe('what a template refers to', () => {
  const bucket = { B: { Type: 'AWS::S3::Bucket' } };
  const queue = { Q: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } } };
  it.each<[string, unknown, string]>([
    ['Ref of a bucket is its name', { Ref: 'B' }, 'test-b'],
    ['Ref of a queue is its URL', { Ref: 'Q' }, 'http://127.0.0.1:1/000000000000/Test-Q.fifo'],
    ['a FIFO queue keeps its suffix in the ARN', { 'Fn::GetAtt': ['Q', 'Arn'] }, 'arn:aws:sqs:us-east-1:000000000000:Test-Q.fifo'],
    ['GetAtt also comes as text', { 'Fn::GetAtt': 'B.Arn' }, 'arn:aws:s3:::test-b'],
    ['Join takes lists of functions', { 'Fn::Join': ['-', ['a', { Ref: 'B' }, { Ref: 'AWS::Region' }]] }, 'a-test-b-us-east-1'],
    ['Sub knows resources, attributes, pseudo parameters, own variables and literals', { 'Fn::Sub': ['${B}|${B.Arn}|${AWS::AccountId}|${own}|${!kept}', { own: { Ref: 'B' } }] }, 'test-b|arn:aws:s3:::test-b|000000000000|test-b|${kept}'],
    ['Select takes from a Split', { 'Fn::Select': ['1', { 'Fn::Split': [',', 'a,b,c'] }] }, 'b'],
    ['If follows conditions that use each other', { 'Fn::If': ['Outer', 'yes', 'no'] }, 'no'],
  ])('%s', (_, expression, expected) => {
    const Conditions = { Inner: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] }, Outer: { 'Fn::And': [{ Condition: 'Inner' }, { 'Fn::Not': [{ Condition: 'Inner' }] }] } };
    expect(valueOf(expression, { Conditions }, {}, { ...bucket, ...queue })).toBe(expected);
  });

  it('a property of AWS::NoValue is left out', () => {
    expect(plan({ F: functionWith({}, { Timeout: { Ref: 'AWS::NoValue' } }) }).functions[0]!.timeoutSeconds).toBe(3);
  });

  it('a given parameter wins over its default', () => {
    const sections = { Parameters: { P: { Type: 'String', Default: 'd' } } };
    expect(valueOf({ Ref: 'P' }, sections)).toBe('d');
    expect(valueOf({ Ref: 'P' }, sections, { P: 'g' })).toBe('g');
  });

  it('a resource whose condition does not hold is not made', () => {
    const sections = { Conditions: { Never: { 'Fn::Equals': ['a', 'b'] } } };
    expect(plan({ B: { Type: 'AWS::S3::Bucket', Condition: 'Never' } }, sections).buckets).toEqual([]);
  });

  it('a queue comes after its dead-letter queue', () => {
    const RedrivePolicy = { deadLetterTargetArn: { 'Fn::GetAtt': ['Dead', 'Arn'] }, maxReceiveCount: 5 };
    const { queues } = plan({ Alive: { Type: 'AWS::SQS::Queue', Properties: { RedrivePolicy } }, Dead: { Type: 'AWS::SQS::Queue' } });
    expect(queues.map(({ name }) => name)).toEqual(['Test-Dead', 'Test-Alive']);
    expect(JSON.parse(queues[1]!.attributes['RedrivePolicy']!)).toEqual({ deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:Test-Dead', maxReceiveCount: 5 });
  });

  it('a state machine gets its substitutions, escaped for JSON', () => {
    const definition = { DefinitionString: '{"A":"${x}"}', DefinitionSubstitutions: { x: 'say "hi"' }, RoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] } };
    expect(plan({ M: { Type: 'AWS::StepFunctions::StateMachine', Properties: definition } }).machines[0]!.definition).toEqual({ A: 'say "hi"' });
  });

  it('the statements of a role are those of all its policies', () => {
    const Policy = { Type: 'AWS::IAM::Policy', Properties: { PolicyName: 'p', Roles: [{ Ref: 'Role' }], PolicyDocument: { Statement: [{ Effect: 'Allow', Action: 's3:GetObject' }] } } };
    expect(plan({ F: functionWith({}), Policy }).roles).toEqual([{ logicalId: 'Role', principal: 'F', statements: [{ Effect: 'Allow', Action: 's3:GetObject' }] }]);
  });
});

describe('a template that can not be had offline is refused', () => {
  const machine = (more: object) => ({ M: { Type: 'AWS::StepFunctions::StateMachine', Properties: { RoleArn: 'r', ...more } } });
  it.each<[string, object, object, Record<string, string>, RegExp]>([
    ['an unknown type', { X: { Type: 'AWS::Kinesis::Stream' } }, {}, {}, /X\.Type: .*AWS::Kinesis::Stream/],
    ['an unknown property', { B: { Type: 'AWS::S3::Bucket', Properties: { BucketNmae: 'b' } } }, {}, {}, /B\.Properties\.BucketNmae/],
    ['an unknown property further in', { F: functionWith({}, { DeadLetterConfig: { Target: 'x' } }) }, {}, {}, /F\.Properties\.DeadLetterConfig\.Target:/],
    ['a value that has no offline form', { F: functionWith({}, { Runtime: 'python3.13' }) }, {}, {}, /F\.Properties\.Runtime: expected "nodejs24\.x"/],
    ['a Ref to nothing', { F: functionWith({ X: { Ref: 'Nothing' } }) }, {}, {}, /F\.Properties\.Environment\.Variables\.X: Ref to "Nothing"/],
    ['an attribute that does not exist', { F: functionWith({ X: { 'Fn::GetAtt': ['Role', 'Color'] } }) }, {}, {}, /Variables\.X: Fn::GetAtt of Role: no attribute "Color"/],
    ['a Sub of nothing', { F: functionWith({ X: { 'Fn::Sub': '${Nothing}' } }) }, {}, {}, /Variables\.X: Ref to "Nothing"/],
    ['a condition that does not exist', { F: functionWith({ X: { 'Fn::If': ['C', 1, 2] } }) }, {}, {}, /Variables\.X: there is no condition "C"/],
    ['a function of templates that is unknown', { F: functionWith({ X: { 'Fn::ImportValue': 'x' } }) }, {}, {}, /Fn::ImportValue is not known offline/],
    ['a DependsOn on nothing', { B: { Type: 'AWS::S3::Bucket', DependsOn: 'Nothing' } }, {}, {}, /B\.DependsOn: there is no resource "Nothing"/],
    ['a missing property', { M: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { FunctionName: 'f' } } }, {}, {}, /M\.Properties\.EventSourceArn: AWS::Lambda::EventSourceMapping needs/],
    ['filter criteria', { M: { Type: 'AWS::Lambda::EventSourceMapping', Properties: { FilterCriteria: {} } } }, {}, {}, /M\.Properties\.FilterCriteria/],
    ['a parameter that does not exist', {}, {}, { Nope: '1' }, /Parameters\.Nope: there is no such parameter/],
    ['a parameter without a value', {}, { Parameters: { P: { Type: 'String' } } }, {}, /Parameters\.P: it has no default/],
    ['a parameter against its pattern', {}, { Parameters: { P: { Type: 'String', Default: 'a', AllowedPattern: '[0-9]+' } } }, {}, /Parameters\.P: expected text that matches/],
    ['a number out of bounds', {}, { Parameters: { P: { Type: 'Number', Default: 11, MaxValue: 10 } } }, {}, /Parameters\.P: expected a number/],
    ['an asset that is not there', { F: functionWith({}, { Code: { S3Key: 'gone.zip' } }) }, {}, {}, /F\.Properties\.Code\.S3Key/],
    ['a placeholder without its value', machine({ DefinitionString: '{"A":"${x}"}' }), {}, {}, /M\.Properties\.DefinitionSubstitutions: the definition asks for \$\{x\}/],
    ['a value without its placeholder', machine({ DefinitionString: '{}', DefinitionSubstitutions: { y: '1' } }), {}, {}, /DefinitionSubstitutions\.y: the definition does not ask/],
    ['resources in a circle', { A: { Type: 'AWS::S3::Bucket', DependsOn: 'B' }, B: { Type: 'AWS::S3::Bucket', DependsOn: 'A' } }, {}, {}, /in a circle: A -> B -> A/],
    ['an event pattern with an unknown matcher', { R: { Type: 'AWS::Events::Rule', Properties: { EventPattern: { source: [{ cidr: 'x' }] }, Targets: [] } } }, {}, {}, /R\.Properties\.EventPattern\.source\[0\]/],
    ['a schedule that is no rate', { R: { Type: 'AWS::Events::Rule', Properties: { ScheduleExpression: 'cron(* * * * ? *)', Targets: [] } } }, {}, {}, /R\.Properties\.ScheduleExpression: expected rate/],
  ])('%s', (...[, resources, sections, parameters, message]) => {
    expect(() => plan(resources, sections, parameters)).toThrow(expect.objectContaining({ name: 'ConfigurationError', message: expect.stringMatching(message) }));
  });

  it('with all its faults in one message', () => {
    const faulty = () => plan({ A: { Type: 'AWS::X::Y' }, B: { Type: 'AWS::S3::Bucket', Properties: { Zzz: 1 } }, F: functionWith({ X: { Ref: 'N' } }) }, {}, { P: '1' });
    expect(faulty).toThrow(/4 fault\(s\)[^]*Parameters\.P[^]*A\.Type[^]*B\.Properties\.Zzz[^]*F\.Properties/);
  });
});
