import { expect, it } from 'vitest';
import { itemiseIdleCost, sumIdleCost } from '../../cdk/idle-cost.ts';
import { readTemplate } from '../support/synthesised-stack.ts';

const withResource = (Type: string, Properties: Record<string, unknown> = {}) => ({ Resources: { ...readTemplate().Resources, New: { Type, Properties } } });

it('an idle stack costs less than 2 $ a month in an account that has its free allowances, and hardly more without', () => {
  const { listed, afterFree } = sumIdleCost(itemiseIdleCost(readTemplate()));
  expect(afterFree).toBeLessThanOrEqual(2);
  expect(listed).toBeLessThanOrEqual(2.2);
});

it('every poller, alarm and schedule is on the bill', () => {
  const items = itemiseIdleCost(readTemplate());
  const ids = (type: string) => Object.entries(readTemplate().Resources).filter(([, resource]) => resource.Type === type && (type !== 'AWS::Events::Rule' || 'ScheduleExpression' in resource.Properties)).map(([id]) => id);
  const billed = new Set(items.map(({ logicalId }) => logicalId));
  const expected = ['AWS::Lambda::EventSourceMapping', 'AWS::CloudWatch::Alarm', 'AWS::Events::Rule'].flatMap(ids);
  expect([...billed].sort()).toEqual(expected.sort());
});

it('pollers of a FIFO queue have its price', () => {
  const polls = itemiseIdleCost(readTemplate()).filter(({ unit }) => unit === 'sqsFifoRequests');
  expect(polls.map(({ logicalId, quantity }) => [logicalId, quantity])).toEqual([['DispatchBatchesSource', 648_000]]);
});

it('what nobody said the cost of is an error, not free', () => {
  expect(() => itemiseIdleCost(withResource('AWS::EC2::NatGateway'))).toThrow(/AWS::EC2::NatGateway \(New\).*cdk\/idle-cost\.ts/);
  expect(() => itemiseIdleCost(withResource('AWS::KMS::Key'))).toThrow('AWS::KMS::Key');
  expect(() => itemiseIdleCost(withResource('AWS::DynamoDB::Table', { ProvisionedThroughput: { ReadCapacityUnits: 5 } }))).toThrow('ProvisionedThroughput of New is paid by the hour');
  expect(() => itemiseIdleCost(withResource('AWS::SQS::Queue', { KmsMasterKeyId: 'key' }))).toThrow('KmsMasterKeyId of New');
  expect(() => itemiseIdleCost(withResource('AWS::Events::Rule', { ScheduleExpression: 'rate(5 minutes)' }))).toThrow('expected one of rate(1 minute), rate(1 hour), got rate(5 minutes)');
  expect(() => itemiseIdleCost(withResource('AWS::ApiGateway::Stage', { CacheClusterEnabled: true }))).toThrow('paid by the hour');
});

it('prices can be others', () => {
  const nothing = { asOf: '', sqsRequests: 0, sqsFifoRequests: 0, lambdaCalls: 0, lambdaGbSeconds: 0, dynamoReads: 0, logGigabytes: 0, alarms: 3, free: { sqsRequests: 0, lambdaCalls: 0, lambdaGbSeconds: 0, logGigabytes: 0, alarms: 2 } };
  const items = itemiseIdleCost(readTemplate(), nothing);
  const alarms = items.filter(({ unit }) => unit === 'alarms').length;
  expect(sumIdleCost(items, nothing)).toEqual({ listed: 3 * alarms, afterFree: 3 * (alarms - 2) });
});
