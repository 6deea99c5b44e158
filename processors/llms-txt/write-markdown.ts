import gfm from '@joplin/turndown-plugin-gfm';
import TurndownService from 'turndown';
import type { DomElement } from './dom.ts';

/** Markdown (CommonMark with GitHub's tables) of an element; links and images become absolute. */
export function writeMarkdown(content: DomElement, baseUrl: string): string {
  makeAbsolute(content, 'a', 'href', baseUrl);
  makeAbsolute(content, 'img', 'src', baseUrl);
  // Types: turndown asks for a browser's node; linkedom's has all that it uses.
  const markdown = service.turndown(content as unknown as string);
  return markdown.replace(/[ \t]+$/gm, '').replace(/\n{3,}/g, '\n\n').trim();
}

const service = createService();

function createService(): TurndownService {
  const turndown = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-', emDelimiter: '*' });
  turndown.use([gfm.tables, gfm.strikethrough]);
  turndown.addRule('imageWithoutSource', { filter: (node) => node.nodeName === 'IMG' && !node.getAttribute('src'), replacement: () => '' });
  turndown.addRule('linkWithoutText', { filter: (node) => node.nodeName === 'A' && (node.textContent ?? '').trim() === '' && !node.querySelector('img'), replacement: () => '' });
  return turndown;
}

/** What is no web address (`javascript:`, `data:`) goes; the text stays. */
function makeAbsolute(content: DomElement, selector: string, attribute: string, baseUrl: string): void {
  for (const node of content.querySelectorAll(`${selector}[${attribute}]`)) {
    const url = URL.parse(node.getAttribute(attribute) ?? '', baseUrl);
    if (url && /^(?:https?|mailto):$/.test(url.protocol)) node.setAttribute(attribute, url.href);
    else node.removeAttribute(attribute);
  }
}
