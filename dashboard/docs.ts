import { render } from 'lit-html';
import { type ApiDocument, documentView } from './docs-view.ts';

/** The API's document as a page: it shows what `openapi.json` says, and nothing else. */
const root = document.getElementById('app')!;

const response = await fetch('openapi.json').catch(() => undefined);
if (response?.ok) {
  render(documentView((await response.json()) as ApiDocument), root);
  // What an address names is there only now.
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  named?.setAttribute('open', '');
  named?.scrollIntoView();
} else {
  root.textContent = 'openapi.json could not be read: try again in a moment.';
}
