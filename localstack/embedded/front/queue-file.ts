import type { DatabaseSync } from 'node:sqlite';
import type { FauxqsParts, QueuePersistence, QueueStore, TopicStore } from './fauxqs-parts.ts';

/** Queues and messages in SQLite, with what an earlier process left in the folder. */
export function openQueueFile(parts: FauxqsParts, folder: string, stores: { readonly sqsStore: QueueStore; readonly snsStore: TopicStore }): QueuePersistence {
  const file = new parts.PersistenceManager(folder);
  const { db } = file as unknown as { readonly db: DatabaseSync };
  // In WAL mode this survives the death of the process without a disk flush for every message.
  db.exec('PRAGMA synchronous = NORMAL');
  // fauxqs 2.4.1 writes NULL into a NOT NULL column here: a message released by its receiver would be lost.
  const release = db.prepare('UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?');
  file.updateMessageReady = (messageId) => void release.run(messageId);
  file.loadSqsAndSns(stores.sqsStore, stores.snsStore);
  // Loading first: a store that persists would write back all that it loads.
  stores.sqsStore.persistence = file;
  for (const queue of stores.sqsStore.allQueues()) queue.persistence = file;
  return file;
}
