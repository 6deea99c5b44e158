import { UsageError } from '../../shared/errors.ts';
import type { DeadLetter, DeadLetters } from '../../shared/ports.ts';
import type { Backend } from '../backend.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { describeRoute, type Route, routeOf } from '../parked-routes.ts';
import { formatCount } from '../progress.ts';
import type { CommandContext } from '../settings.ts';

const SHOWN_CHARACTERS = 300;

type ShownLetter = DeadLetter & { readonly route: Route };

/** What nobody could handle: lists it, changes nothing. */
export async function parkedCommand(context: CommandContext): Promise<ExitCode> {
  return withBackend(context, { isReadOnly: true }, async ({ deadLetters }) => {
    const shown: ShownLetter[] = [];
    const unseen = await deadLetters.visit(async (letter) => {
      const body = letter.body.length > SHOWN_CHARACTERS ? `${letter.body.slice(0, SHOWN_CHARACTERS)}…` : letter.body;
      shown.push({ ...letter, body, route: routeOf(letter) });
      return 'keep';
    });
    shown.sort((a, b) => (a.time < b.time ? -1 : 1));
    const { terminal } = context;
    if (terminal.isJson) terminal.print(JSON.stringify({ messages: shown, unseen }));
    else for (const line of describeLetters(shown, unseen)) terminal.print(line);
    return EXIT.ok;
  });
}

export interface ChosenLetters {
  readonly all?: true;
  readonly yes?: true;
}

/** Sends messages back to where they came from, and takes them out of the dead letters after that: a crash in between sends twice, which is harmless. */
export async function resendCommand(id: string | undefined, options: ChosenLetters, context: CommandContext): Promise<ExitCode> {
  checkChoice('resend', id, options);
  // Not read-only: a stack that is started for this handles what it is sent.
  return withBackend(context, {}, (backend) =>
    takeLetters(backend, id, { context, done: 'sent again' }, async (letter) => {
      const route = routeOf(letter);
      if (route === 'queue') await backend.deadLetters.sendBack(letter);
      else if (route === 'upload') await backend.admit(JSON.parse(letter.body));
      return route !== 'none';
    }),
  );
}

/** Deletes messages for ever. */
export async function dropCommand(id: string | undefined, options: ChosenLetters, context: CommandContext): Promise<ExitCode> {
  checkChoice('drop', id, options);
  if (options.all && !options.yes) throw new UsageError('expected --yes with --all: dropped messages are gone; `spillway parked` shows them');
  return withBackend(context, { isReadOnly: true }, (backend) => takeLetters(backend, id, { context, done: 'dropped' }, async () => true));
}

function checkChoice(command: string, id: string | undefined, { all }: ChosenLetters): void {
  if ((id === undefined) === (all === undefined)) throw new UsageError(`expected a message's id or --all: spillway parked ${command} <id>; \`spillway parked\` lists the ids`);
}

/** @param take returns false for a message that must stay */
async function takeLetters(
  { deadLetters }: Backend,
  given: string | undefined,
  { context, done }: { context: CommandContext; done: string },
  take: (letter: DeadLetter) => Promise<boolean>,
): Promise<ExitCode> {
  const id = given === undefined ? undefined : await findLetter(deadLetters, given);
  const taken: string[] = [];
  const stayed: string[] = [];
  await deadLetters.visit(async (letter) => {
    if (id !== undefined && letter.id !== id) return 'keep';
    const isTaken = await take(letter);
    (isTaken ? taken : stayed).push(letter.id);
    return isTaken ? 'remove' : 'keep';
  });
  report(context, { taken, stayed, done });
  return stayed.length > 0 ? EXIT.itemsFailed : EXIT.ok;
}

/** The whole id of one message, before anything is done to any. */
async function findLetter(deadLetters: DeadLetters, given: string): Promise<string> {
  const ids: string[] = [];
  await deadLetters.visit(async ({ id }) => {
    if (id.startsWith(given)) ids.push(id);
    return 'keep';
  });
  const [first, second] = ids;
  if (first === undefined) throw new UsageError(`expected the id of a message among the dead letters, got ${given}: \`spillway parked\` lists them`);
  if (second !== undefined) throw new UsageError(`expected one message, but ${ids.length} ids begin with ${given}: give more characters`);
  return first;
}

function report({ terminal }: CommandContext, { taken, stayed, done }: { taken: readonly string[]; stayed: readonly string[]; done: string }): void {
  if (terminal.isJson) return terminal.print(JSON.stringify({ taken, stayed }));
  terminal.print(`${formatCount(taken.length)} ${taken.length === 1 ? 'message' : 'messages'} ${done}`);
  if (stayed.length > 0) terminal.print(`${formatCount(stayed.length)} can only be dropped: ${stayed.join(', ')}`);
}

function describeLetters(letters: readonly ShownLetter[], unseen: Readonly<Record<string, number>>): string[] {
  const more = Object.entries(unseen).map(([queue, count]) => `${queue} holds about ${formatCount(count)} more: resend or drop what is shown, then look again`);
  if (letters.length === 0) return ['nothing is parked', ...more];
  const lines = letters.flatMap((letter) => [
    `${letter.id}  ${letter.queue}  ${letter.time}`,
    `  reason  ${JSON.stringify(letter.reason).slice(1, -1)}`,
    // One line each, whatever a stranger wrote: no control character reaches the terminal.
    `  body    ${JSON.stringify(letter.body)}`,
    `  next    ${describeRoute(letter)}`,
  ]);
  return [...lines, ...more];
}

async function withBackend(context: CommandContext, settings: { readonly isReadOnly?: true }, act: (backend: Backend) => Promise<ExitCode>): Promise<ExitCode> {
  const backend = await context.startBackend({ ...context.backendOptions, ...settings });
  try {
    return await act(backend);
  } finally {
    await backend.stop();
  }
}
