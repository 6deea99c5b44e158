import { html, nothing, svg, type TemplateResult } from 'lit-html';
import type { ErrorGroup, ListedRun, ResultFile, Run } from './api.ts';
import type { Actions, State } from './main.ts';

/** What is shown, as a function of the state. */
export function pageView(state: State, actions: Actions): TemplateResult {
  const { api, notice, id, run } = state;
  return html`
    <header>
      <h1>Spillway</h1>
      ${api ? html`<button @click=${() => actions.signOut()}>Sign out</button>` : nothing}
    </header>
    <main>
      <div role="status" aria-live="polite">${notice ? html`<p class="card notice ${notice.isBad ? 'bad' : ''}">${notice.text}</p>` : nothing}</div>
      ${api === undefined ? signInView(state, actions) : id === undefined ? homeView(state, actions) : run ? runView(state, run, actions) : html`<p class="soft">Loading run <code>${id}</code> …</p>`}
    </main>
  `;
}

const fieldOf = (form: EventTarget | null, name: string): string => String(new FormData(form as HTMLFormElement).get(name) ?? '');

function signInView({ isBusy }: State, actions: Actions): TemplateResult {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    void actions.signIn(fieldOf(event.currentTarget, 'key'));
  };
  return html`
    <form class="card sign-in" @submit=${submit}>
      <h2>Sign in</h2>
      <label for="key">Key</label>
      <input id="key" name="key" type="password" autocomplete="current-password" required placeholder="spw_…" aria-describedby="key-help" />
      <p id="key-help" class="soft"><code>spillway keys create &lt;name&gt;</code> makes one. It stays in this tab.</p>
      <div class="row"><button class="main" ?disabled=${isBusy}>Sign in</button></div>
    </form>
  `;
}

function homeView(state: State, actions: Actions): TemplateResult {
  return html`${startView(state, actions)}
    <section class="card">
      <h2>Runs</h2>
      ${state.runs === undefined ? html`<p class="soft">Loading …</p>` : state.runs.length === 0 ? html`<p class="soft">None yet: start one above, or upload a manifest.</p>` : runsTable(state.runs)}
    </section>`;
}

function startView({ isBusy, processors }: State, actions: Actions): TemplateResult {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget;
    void actions.start(fieldOf(form, 'processor'), fieldOf(form, 'items'), fieldOf(form, 'options'));
  };
  const drop = async (file: File | undefined, area: HTMLTextAreaElement): Promise<void> => {
    if (file) area.value = await file.text();
  };
  const areaOf = (event: Event): HTMLTextAreaElement => (event.currentTarget as HTMLElement).closest('form')!.querySelector('textarea')!;
  return html`
    <form class="card" @submit=${submit}>
      <h2>Start a run</h2>
      <label for="processor">What is done</label>
      <select id="processor" name="processor">${processors.map((name) => html`<option ?selected=${name === 'llms-txt'}>${name}</option>`)}</select>
      <label for="items">Items, one a line: addresses, or objects as JSON</label>
      <textarea
        id="items"
        name="items"
        required
        spellcheck="false"
        @dragover=${(event: DragEvent) => event.preventDefault()}
        @drop=${(event: DragEvent) => {
          event.preventDefault();
          void drop(event.dataTransfer?.files[0], areaOf(event));
        }}
      ></textarea>
      <div class="row">
        <label for="file" class="button">From a file</label>
        <input id="file" class="visually-hidden" type="file" accept=".txt,.jsonl" @change=${(event: Event) => drop((event.currentTarget as HTMLInputElement).files?.[0], areaOf(event))} />
      </div>
      <details>
        <summary>Options</summary>
        <label for="options">As JSON; the processor's page lists them</label>
        <input id="options" name="options" placeholder='{"retries": 1}' />
      </details>
      <div class="row"><button class="main" ?disabled=${isBusy}>Start</button></div>
    </form>
  `;
}

const runsTable = (runs: readonly ListedRun[]): TemplateResult => html`
  <div class="scroll" tabindex="0" role="region" aria-label="Runs">
    <table>
      <thead><tr><th scope="col">Run</th><th scope="col">State</th><th scope="col">What</th><th scope="col">Items</th><th scope="col">Since</th></tr></thead>
      <tbody>
        ${runs.map(({ run, state, processor, total, createdAt }) => html`<tr><td><a href="#${run}">${run.slice(0, 10)}…</a></td><td>${stateView(state)}</td><td>${processor}</td><td>${total === undefined ? '' : count(total)}</td><td>${day(createdAt)}</td></tr>`)}
      </tbody>
    </table>
  </div>
`;

const stateView = (state: Run['state']): TemplateResult => html`<span class="state ${state}">${state}</span>`;

function runView({ groups, files, samples, isBusy }: State, run: Run, actions: Actions): TemplateResult {
  const isOpen = run.state !== 'finished' && run.state !== 'failed';
  return html`
    <p><a href="#">All runs</a></p>
    <section class="card">
      <div class="row"><h2>${run.processor}</h2>${stateView(run.state)}<code class="soft">${run.run}</code></div>
      ${run.error === undefined ? nothing : html`<p class="notice bad">${run.error}</p>`}
      ${run.stop ? html`<p class="notice">Stopped: ${run.stop.reason}</p>` : nothing}
      ${run.redriveOf === undefined ? nothing : html`<p class="soft">Does failed items of <a href="#${run.redriveOf}">${run.redriveOf.slice(0, 10)}…</a> again</p>`}
      <progress max="100" value=${run.percent} aria-label="Done">${run.percent} %</progress>
      <dl class="figures">
        ${figure('Done', `${run.percent} %`)} ${figure('Items', run.total === undefined ? '…' : count(run.total))} ${figure('Succeeded', count(run.succeeded))} ${figure('Failed', count(run.failed), run.failed > 0)}
        ${figure('Skipped', count(run.skipped))} ${figure('In work', count(run.processing))} ${figure('Waiting', count(run.queued))} ${figure('Items a second', run.ratePerSecond === undefined ? '–' : rate(run.ratePerSecond))}
        ${isOpen ? figure('Time left', run.etaSeconds === undefined ? '–' : duration(run.etaSeconds)) : nothing}
      </dl>
      ${isOpen && samples.length > 2 ? curveView(samples) : nothing}
      ${run.waitsFor.map(({ what, until }) => html`<p class="notice">Waits for ${what}${until === undefined ? '' : ` until ${time(until)}`}</p>`)}
      ${isOpen ? controls(run, isBusy, actions) : nothing}
    </section>
    ${groups.length > 0 ? errorsView(groups, run, isBusy, actions) : nothing} ${files.length > 0 ? filesView(files) : nothing}
  `;
}

const figure = (name: string, value: string, isBad = false): TemplateResult => html`<div class=${isBad ? 'bad' : ''}><dt>${name}</dt><dd>${value}</dd></div>`;

const controls = (run: Run, isBusy: boolean, actions: Actions): TemplateResult => html`
  <div class="row">
    ${run.state === 'stopping' ? nothing : run.state === 'paused' ? html`<button ?disabled=${isBusy} @click=${() => actions.control('resume')}>Resume</button>` : html`<button ?disabled=${isBusy} @click=${() => actions.control('pause')}>Pause</button>`}
    <button ?disabled=${isBusy || run.state === 'stopping'} @click=${() => actions.control('cancel')}>Cancel</button>
  </div>
`;

const CURVE = { width: 600, height: 100 };

/** Verdicts a second between the looks at the run. */
function curveView(samples: State['samples']): TemplateResult {
  const rates = samples.slice(1).map(({ at, completed }, i) => ({ at, value: (1000 * (completed - samples[i]!.completed)) / Math.max(1, at - samples[i]!.at) }));
  const most = Math.max(...rates.map(({ value }) => value), 1);
  const [from, to] = [rates[0]!.at, rates.at(-1)!.at];
  const points = rates.map(({ at, value }) => `${(CURVE.width * (at - from)) / Math.max(1, to - from)},${CURVE.height - 4 - ((CURVE.height - 8) * value) / most}`);
  return html`<h3>Throughput, up to ${rate(most)} items a second</h3>
    <svg class="curve" viewBox="0 0 ${CURVE.width} ${CURVE.height}" preserveAspectRatio="none" role="img" aria-label="Items a second since this page was opened">
      ${svg`<line x1="0" x2=${CURVE.width} y1=${CURVE.height - 2} y2=${CURVE.height - 2}></line><polyline points=${points.join(' ')}></polyline>`}
    </svg>`;
}

const errorsView = (groups: readonly ErrorGroup[], run: Run, isBusy: boolean, actions: Actions): TemplateResult => html`
  <section class="card">
    <h2>Errors</h2>
    ${groups.map(
      ({ error, count: items, retryable, samples }) => html`
        <details>
          <summary><strong>${error}</strong> · ${count(items)} ${items === 1 ? 'item' : 'items'}${retryable ? ' · may pass' : ''}</summary>
          <div class="scroll" tabindex="0" role="region" aria-label="Samples of ${error}">
            <table>
              <thead><tr><th scope="col">Line</th><th scope="col">Item</th><th scope="col">What it says</th></tr></thead>
              <tbody>${samples.map(({ line, input, message }) => html`<tr><td>${line}</td><td class="wide"><code>${JSON.stringify(input)}</code></td><td class="wide">${message}</td></tr>`)}</tbody>
            </table>
          </div>
          ${run.state === 'finished' ? html`<div class="row"><button ?disabled=${isBusy} @click=${() => actions.redrive(error)}>Do these again</button></div>` : nothing}
        </details>
      `,
    )}
  </section>
`;

const filesView = (files: readonly ResultFile[]): TemplateResult => html`
  <section class="card">
    <h2>Results</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Files">
      <table>
        <thead><tr><th scope="col">File</th><th scope="col">Size</th></tr></thead>
        <tbody>${files.map(({ path, bytes, url }) => html`<tr><td><a href=${url} download>${path}</a></td><td>${size(bytes)}</td></tr>`)}</tbody>
      </table>
    </div>
  </section>
`;

const count = (value: number): string => value.toLocaleString('en');
const rate = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 3 });
const time = (text: string): string => new Date(text).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
/** With its day, unless that is today. */
function day(text: string): string {
  const date = new Date(text);
  return date.toDateString() === new Date().toDateString() ? time(text) : `${date.toLocaleDateString('en', { month: 'short', day: 'numeric' })} ${time(text)}`;
}

const size = (bytes: number): string => (bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${rate(bytes / 1000)} KB` : `${rate(bytes / 1e6)} MB`);

function duration(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${rate(seconds / 3600)} h`;
}
