import { HTMLElement, parseHTML } from 'linkedom';

/** The little of the DOM that is used here; linkedom's own types need a browser's library. */
export interface DomElement {
  readonly localName: string;
  readonly textContent: string | null;
  readonly parentElement: DomElement | null;
  querySelector(selector: string): DomElement | null;
  querySelectorAll(selector: string): Iterable<DomElement>;
  closest(selector: string): DomElement | null;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  cloneNode(isDeep: boolean): DomElement;
  remove(): void;
}

export interface DomDocument extends DomElement {
  readonly documentElement: DomElement | null;
  readonly body: DomElement | null;
}

/** A fragment without `<html>` gets one: linkedom leaves the body empty otherwise. */
export function parseDocument(html: string): DomDocument {
  const whole = /<(?:html|body)[\s>]/i.test(html) ? html : `<html><head></head><body>${html}</body></html>`;
  return (parseHTML(whole) as unknown as { document: DomDocument }).document;
}

/** Text with runs of white space as one blank. */
export const cleanText = (text: string | null | undefined): string => (text ?? '').replace(/\s+/g, ' ').trim();

/** linkedom knows no rows; the writer of Markdown tables asks for them. */
Object.defineProperty((HTMLElement as unknown as { prototype: object }).prototype, 'rows', {
  configurable: true,
  get(this: DomElement) {
    return this.localName === 'table' ? [...this.querySelectorAll('tr')] : undefined;
  },
});
