import { join } from 'node:path';
import type { EventBridgeEvent } from '../contracts.ts';
import { openEventJournal, type EventJournal } from './event-journal.ts';
import { openFauxqsApp } from './fauxqs-app.ts';
import { loadFauxqsParts } from './fauxqs-parts.ts';
import { openObjectFiles } from './object-files.ts';
import { ObjectService } from './object-service.ts';
import { openQueueFile } from './queue-file.ts';
import { QueueService } from './queue-service.ts';
import { TableService } from './table-service.ts';

export interface Emulators {
  readonly objects: ObjectService;
  readonly queues: QueueService;
  readonly tables: TableService;
  readonly events: EventJournal;
  stop(): Promise<void>;
}

/** Opens the stores on the folder (`s3`, `sqs`, `dynamodb`, `events`), with what an earlier process left there. */
export async function openEmulators(folder: string | undefined, emit: (event: EventBridgeEvent) => void): Promise<Emulators> {
  const parts = await loadFauxqsParts();
  const tables = await TableService.open(folder === undefined ? undefined : join(folder, 'dynamodb'));
  const stores = { sqsStore: new parts.SqsStore(), snsStore: new parts.SnsStore(), s3Store: new parts.S3Store() };
  const queueFile = folder === undefined ? undefined : openQueueFile(parts, join(folder, 'sqs'), stores);
  const files = folder === undefined ? undefined : openObjectFiles(parts, join(folder, 's3'));
  if (files !== undefined) {
    // Loading first: a store that persists would write back all that it loads.
    files.loadS3(stores.s3Store);
    stores.s3Store.persistence = files;
  }
  const events = openEventJournal(folder === undefined ? undefined : join(folder, 'events'));
  const app = await openFauxqsApp(stores);
  return {
    objects: new ObjectService({ store: stores.s3Store, files, app, events, emit }),
    queues: new QueueService({ store: stores.sqsStore, app, receiveMessage: parts.receiveMessage }),
    tables,
    events,
    stop: async () => {
      await app.stop();
      queueFile?.close();
      events.close();
      await tables.stop();
    },
  };
}
