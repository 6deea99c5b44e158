import { render } from 'lit-html';
import { Api, ApiProblem, type ErrorGroup, type ListedRun, type ResultFile, type Run } from './api.ts';
import { pageView } from './views.ts';

const KEY_NAME = 'spillway-key';
const LIVE_MS = 1500;
const LIST_MS = 4000;
const SAMPLES_KEPT = 400;

/** All that the page shows. */
export interface State {
  api: Api | undefined;
  notice: { readonly text: string; readonly isBad: boolean } | undefined;
  isBusy: boolean;
  processors: readonly string[];
  runs: readonly ListedRun[] | undefined;
  /** The run that is open. */
  id: string | undefined;
  run: Run | undefined;
  groups: readonly ErrorGroup[];
  files: readonly ResultFile[];
  /** Items with a verdict at times, of the open run. */
  samples: { readonly at: number; readonly completed: number }[];
}

const state: State = { api: undefined, notice: undefined, isBusy: false, processors: [], runs: undefined, id: undefined, run: undefined, groups: [], files: [], samples: [] };

export type Actions = typeof actions;

const actions = {
  async signIn(key: string): Promise<void> {
    await act(async () => {
      const api = new Api(key.trim());
      await api.listRuns();
      sessionStorage.setItem(KEY_NAME, key.trim());
      state.api = api;
      state.processors = await api.listProcessors();
    });
    await refresh();
  },
  signOut(): void {
    sessionStorage.removeItem(KEY_NAME);
    Object.assign(state, { api: undefined, runs: undefined, run: undefined, notice: undefined });
    location.hash = '';
    draw();
  },
  async start(processor: string, lines: string, options: string): Promise<void> {
    await act(async () => {
      const items = lines.split(/\r?\n/).map((line) => line.trim()).filter((line) => line !== '').map(readItem);
      const run = await state.api!.createRun({ processor, items, options: options.trim() === '' ? {} : (JSON.parse(options) as object) });
      location.hash = run.run;
    });
  },
  control: (verb: 'cancel' | 'pause' | 'resume') => act(async () => void (state.run = await state.api!.control(state.id!, verb))),
  redrive: (error: string) => act(async () => void (location.hash = (await state.api!.redrive(state.id!, { errors: [error] })).run)),
};

/** A line of JSON is a row of fields, any other a bare value. */
function readItem(line: string): unknown {
  return line.startsWith('{') ? JSON.parse(line) : line;
}

async function act(work: () => Promise<void>): Promise<void> {
  state.isBusy = true;
  state.notice = undefined;
  draw();
  try {
    await work();
  } catch (error) {
    state.notice = { text: messageOf(error), isBad: true };
  }
  state.isBusy = false;
  draw();
}

function messageOf(error: unknown): string {
  if (error instanceof ApiProblem && error.status === 401) return 'That key opens nothing: it is unknown, revoked, or has ended.';
  if (error instanceof SyntaxError) return `That is no JSON: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

function draw(): void {
  render(pageView(state, actions), document.getElementById('app')!);
}

const isOver = (run: Run | undefined): boolean => run?.state === 'finished' || run?.state === 'failed';

async function refresh(): Promise<void> {
  const { api, id } = state;
  if (!api) return draw();
  try {
    if (id === undefined) state.runs = await api.listRuns();
    else if (!isOver(state.run) || state.run?.run !== id) await refreshRun(api, id);
    if (state.notice?.text === 'the API does not answer') state.notice = undefined;
  } catch (error) {
    state.notice = { text: messageOf(error), isBad: true };
  }
  draw();
}

async function refreshRun(api: Api, id: string): Promise<void> {
  const run = await api.showRun(id);
  const { groups } = run.failed > 0 ? await api.listErrors(id) : { groups: [] };
  const files = run.state === 'finished' ? (await api.listResults(id)).files : [];
  // The person may have gone elsewhere meanwhile.
  if (state.id !== id) return;
  state.samples = [...state.samples, { at: Date.now(), completed: run.completed }].slice(-SAMPLES_KEPT);
  Object.assign(state, { run, groups, files });
}

function openFromHash(): void {
  const id = location.hash.slice(1);
  Object.assign(state, { id: id === '' ? undefined : id, run: undefined, groups: [], files: [], samples: [], notice: undefined });
  draw();
  void refresh();
}

async function keepFresh(): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, state.id === undefined ? LIST_MS : LIVE_MS));
    if (!document.hidden) await refresh();
  }
}

addEventListener('hashchange', openFromHash);
openFromHash();
const known = sessionStorage.getItem(KEY_NAME);
if (known !== null) void actions.signIn(known);
void keepFresh();
