/** The small part of Markdown that the content files use: headings, paragraphs, flat lists, tables, quotations, fenced code. */
export function renderMarkup(source: string): string {
  return splitBlocks(source).map(renderBlock).join('\n');
}

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const FENCE = '```';

/** Blocks are divided by blank lines, but for those inside a fence. */
function splitBlocks(source: string): string[] {
  const blocks: string[][] = [[]];
  let isFenced = false;
  for (const line of source.split('\n')) {
    if (line.startsWith(FENCE)) isFenced = !isFenced;
    if (line.trim() === '' && !isFenced) blocks.push([]);
    else blocks.at(-1)!.push(line);
  }
  return blocks.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
}

function renderBlock(block: string): string {
  const lines = block.split('\n');
  const first = lines[0]!;
  const heading = /^(#{2,4}) (.*)$/.exec(first);
  if (heading) return `<h${heading[1]!.length} id="${slugOf(heading[2]!)}">${renderInline(heading[2]!)}</h${heading[1]!.length}>`;
  if (first.startsWith(FENCE)) return `<pre><code class="language-${first.slice(FENCE.length)}">${escapeHtml(lines.slice(1, -1).join('\n'))}\n</code></pre>`;
  if (first.startsWith('| ')) return renderTable(lines);
  if (first.startsWith('- ')) return renderList('ul', lines.map((line) => line.slice(2)));
  if (/^\d+\. /.test(first)) return renderList('ol', lines.map((line) => line.replace(/^\d+\. /, '')));
  if (first.startsWith('> ')) return `<blockquote><p>${renderInline(lines.map((line) => line.slice(2)).join(' '))}</p></blockquote>`;
  return `<p>${renderInline(lines.join('\n'))}</p>`;
}

const renderList = (tag: 'ul' | 'ol', items: readonly string[]): string =>
  `<${tag}>\n${items.map((item) => `<li>${renderInline(item)}</li>`).join('\n')}\n</${tag}>`;

/** The second line of a table is the rule below its head. */
function renderTable(lines: readonly string[]): string {
  const [head, , ...body] = lines.map((line) => line.slice(2, -2).split(' | '));
  const row = (cells: readonly string[], tag: 'th' | 'td') => `<tr>${cells.map((cell) => `<${tag}>${renderInline(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>\n<thead>${row(head!, 'th')}</thead>\n<tbody>\n${body.map((cells) => row(cells, 'td')).join('\n')}\n</tbody>\n</table>`;
}

const renderInline = (text: string): string =>
  escapeHtml(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
    .replaceAll(/\[([^\]]+)\]\(([^)\s]+)\)/g, '<a href="$2">$1</a>');

const slugOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/g, '');
