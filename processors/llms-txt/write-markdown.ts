import gfm from '@joplin/turndown-plugin-gfm';
import TurndownService from 'turndown';
import type { DomElement } from './dom.ts';

/** Markdown (CommonMark with GitHub's tables) of an element; links and images become absolute. */
export function writeMarkdown(content: DomElement, baseUrl: string): string {
  makeAbsolute(content, 'a', 'href', baseUrl);
  makeAbsolute(content, 'img', 'src', baseUrl);
  const markdown = service.turndown(content);
  return markdown.replace(/[ \t]+$/gm, '').replace(/\n{3,}/g, '\n\n').trim();
}

const service = createService();

function createService(): TurndownService {
  const turndown = new TurndownService({ headingStyle: 'atx', codeBlockStyle: 'fenced', bulletListMarker: '-', emDelimiter: '*' });
  turndown.use([gfm.tables, gfm.strikethrough]);
  // A browser drops cells that are in no table, linkedom keeps them, and the plugin's rules need the table.
  turndown.addRule('cellWithoutTable', { filter: (node: DomElement) => /^(?:tr|th|td)$/.test(node.localName) && !node.closest('table'), replacement: (content: string) => `\n\n${content}\n\n` });
  turndown.addRule('imageWithoutSource', { filter: (node: DomElement) => node.localName === 'img' && !node.getAttribute('src'), replacement: () => '' });
  turndown.addRule('linkWithoutText', { filter: (node: DomElement) => node.localName === 'a' && (node.textContent ?? '').trim() === '' && !node.querySelector('img'), replacement: () => '' });
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
