import { CreateMultipartUploadCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EventBridgeEvent } from '../../../../../localstack/embedded/contracts.ts';
import { openEventJournal } from '../../../../../localstack/embedded/front/event-journal.ts';
import { createStores, makeFolder, startWithClients, type TemporaryFolder } from './clients.ts';

let folder: TemporaryFolder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const eventOf = (id: string): EventBridgeEvent => ({ version: '0', id, source: 'aws.s3', 'detail-type': 'Object Created', account: '0', time: 't', region: 'r', resources: [], detail: { text: 'ä' } });

describe.each([['in memory', false], ['in a file', true]])('a journal %s', (_, isFile) => {
  it('gives what is noted and not settled, oldest first, each once', () => {
    const journal = openEventJournal(isFile ? folder.path : undefined);
    for (const id of ['c', 'a', 'b', 'a']) journal.note(eventOf(id));
    for (const id of ['a', 'a', 'unknown']) journal.settle(id);
    expect(journal.pending()).toEqual(['c', 'b'].map(eventOf));
    journal.close();
    journal.settle('b');
  });
});

it('what is noted outlives the process', () => {
  const before = openEventJournal(folder.path);
  before.note(eventOf('a'));
  before.close();
  const after = openEventJournal(folder.path);
  expect(after.pending()).toEqual([eventOf('a')]);
  after.close();
});

it('an upload that was answered has its event in the next process, until somebody settles it', async () => {
  const first = await startWithClients(folder.path);
  await createStores(first.front);
  await first.front.createBucket('results', { isVersioned: false, sendsEvents: false });
  const { VersionId } = await first.s3.send(new PutObjectCommand({ Bucket: 'manifests', Key: 'a/list.txt', Body: 'x' }));
  await first.s3.send(new PutObjectCommand({ Bucket: 'results', Key: 'no-event', Body: 'x' }));
  await first.s3.send(new CreateMultipartUploadCommand({ Bucket: 'manifests', Key: 'a/unfinished.txt' }));
  await first.stop();
  const second = await startWithClients(folder.path);
  const pending = second.front.pendingEvents();
  expect(pending.map(({ detail }) => detail['object'])).toEqual([expect.objectContaining({ key: 'a/list.txt', 'version-id': VersionId })]);
  second.front.settleEvent(pending[0]!.id);
  await second.stop();
  const third = await startWithClients(folder.path);
  expect(third.front.pendingEvents()).toEqual([]);
  await third.stop();
});
