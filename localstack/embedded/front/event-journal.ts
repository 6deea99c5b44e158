import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { EventBridgeEvent } from '../contracts.ts';

/** Events from the moment when their cause is stored until they are dealt with: EventBridge delivers at least once, also after a process was killed. */
export interface EventJournal {
  /** Before the call that caused the event is answered. */
  note(event: EventBridgeEvent): void;
  /** The event is dealt with. Settling twice changes nothing. */
  settle(id: string): void;
  /** What is not dealt with, oldest first. */
  pending(): EventBridgeEvent[];
  close(): void;
}

/** @param folder undefined: nothing outlives this process */
export const openEventJournal = (folder: string | undefined): EventJournal => (folder === undefined ? memoryJournal() : fileJournal(folder));

function memoryJournal(): EventJournal {
  const events = new Map<string, EventBridgeEvent>();
  return {
    note: (event) => void events.set(event.id, event),
    settle: (id) => void events.delete(id),
    pending: () => [...events.values()],
    close: () => events.clear(),
  };
}

function fileJournal(folder: string): EventJournal {
  mkdirSync(folder, { recursive: true });
  const file = new DatabaseSync(join(folder, 'events.sqlite'));
  // The journal is written to the system at every call; only the end of the machine could lose it.
  file.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE IF NOT EXISTS events (at INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, event TEXT NOT NULL)');
  const note = file.prepare('INSERT OR IGNORE INTO events (id, event) VALUES (?, ?)');
  const settle = file.prepare('DELETE FROM events WHERE id = ?');
  const pending = file.prepare('SELECT event FROM events ORDER BY at');
  return {
    note: (event) => void note.run(event.id, JSON.stringify(event)),
    // A stop may overtake the last answers: their events come again.
    settle: (id) => void (file.isOpen && settle.run(id)),
    pending: () => pending.all().map(({ event }) => JSON.parse(String(event)) as EventBridgeEvent),
    close: () => file.close(),
  };
}
