import type { IncomingMessage, ServerResponse } from 'node:http';
import { buildApp } from 'fauxqs';
import type { ObjectStore, QueueStore, TopicStore } from './fauxqs-parts.ts';

export interface FauxqsApp {
  /** Answers a request whose body was read before. */
  dispatch(request: IncomingMessage, response: ServerResponse, body: unknown): void;
  stop(): Promise<void>;
}

/** fauxqs's routes without a port of their own. */
export async function openFauxqsApp(stores: { sqsStore: QueueStore; snsStore: TopicStore; s3Store: ObjectStore }): Promise<FauxqsApp> {
  const bodies = new WeakMap<IncomingMessage, unknown>();
  const app = buildApp({ logger: false, stores });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (request, _payload, done) => done(null, bodies.get(request.raw)));
  await app.ready();
  return {
    dispatch(request, response, body) {
      bodies.set(request, body);
      app.routing(request, response);
    },
    stop: async () => {
      await app.close();
    },
  };
}
