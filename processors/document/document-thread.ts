import { parentPort } from 'node:worker_threads';
import type { DocumentJob } from './document-reading.ts';
import { readDocument } from './read-document.ts';

/** The inside of a reading thread: one document after the other. `reading-thread.ts` starts it and ends it. */
const port = parentPort!;
port.on('message', (job: DocumentJob) => void readDocument(job).then((answer) => port.postMessage(answer)));
