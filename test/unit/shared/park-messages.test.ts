import { describe, expect, it } from 'vitest';
import { dispatchMessageSchema } from '../../../shared/messages.ts';
import { failuresOf, readOrPark } from '../../../shared/park-messages.ts';
import { aDelivery, createFakeParking } from '../../support/fake-parking.ts';

const WAKE = '{"v":1,"type":"wake"}';

describe('readOrPark', () => {
  it('hands on what can be read, in order, and parks the rest whole, with where it came from, why and when', async () => {
    const ports = createFakeParking();
    const { read, failed } = await readOrPark([aDelivery(WAKE, 'a'), aDelivery('{"v":2}', 'b'), aDelivery(WAKE, 'c')], dispatchMessageSchema, ports);
    expect(read.map(({ message, value }) => [message.messageId, value])).toEqual([['a', { v: 1, type: 'wake' }], ['c', { v: 1, type: 'wake' }]]);
    expect(failed).toEqual([]);
    expect(ports.parked).toEqual([
      { messageId: 'b', body: '{"v":2}', source: 'Spillway-Dispatch.fifo', reason: expect.stringContaining('type: ') as string, time: '1970-01-01T00:00:00.000Z' },
    ]);
  });

  it('reads what a later release sends without the fields that it added, and parks what a later version sends', async () => {
    const ports = createFakeParking();
    const { read } = await readOrPark([aDelivery('{"v":1,"type":"wake","urgent":true}', 'a'), aDelivery('{"v":2,"type":"wake"}', 'b')], dispatchMessageSchema, ports);
    expect(read.map(({ value }) => value)).toEqual([{ v: 1, type: 'wake' }]);
    expect(ports.parked.map(({ messageId }) => messageId)).toEqual(['b']);
  });

  it('lets a message that can\'t be parked come again soon, and says it whole in the log', async () => {
    const ports = createFakeParking(new Error('no such queue'));
    const { read, failed } = await readOrPark([aDelivery('{', 'a'), aDelivery(WAKE, 'b')], dispatchMessageSchema, ports);
    expect(read.map(({ message }) => message.messageId)).toEqual(['b']);
    expect(ports.again).toEqual([['receipt of a', 5]]);
    expect(ports.logged).toEqual([expect.objectContaining({ messageId: 'a', body: '{' })]);
    expect(failuresOf(failed)).toEqual({ batchItemFailures: [{ itemIdentifier: 'a' }] });
  });

  it('leaves it to the visibility time-out when even that fails', async () => {
    const ports = createFakeParking(new Error('no network'));
    const parking = { ...ports.parking, comeAgain: () => Promise.reject(new Error('no network')) };
    expect((await readOrPark([aDelivery('{')], dispatchMessageSchema, { ...ports, parking })).failed).toHaveLength(1);
  });
});
