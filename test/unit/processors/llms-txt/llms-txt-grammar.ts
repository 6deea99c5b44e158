/**
 * The published grammar of llms.txt (https://llmstxt.org) as an oracle: one H1, a blockquote summary, prose without headings, then H2 sections
 * that hold nothing but links `- [title](url): note`. Strict where the reference parser is, and where a Markdown reader would see something else.
 */
export interface ParsedSite {
  readonly title: string;
  readonly summary: string;
  readonly prose: string;
  readonly sections: readonly { readonly title: string; readonly links: readonly ParsedLink[] }[];
}

export interface ParsedLink {
  readonly title: string;
  readonly url: string;
  readonly note: string | undefined;
}

const LINK = /^- \[([^\]]+)\]\(([^)]+)\)(?:: (.+))?$/;

/** @throws Error naming the line that does not fit */
export function parseLlmsTxt(text: string): ParsedSite {
  const [head = '', ...parts] = text.split(/^## (.*)$/m);
  const start = /^# (.+)\n\n> (.+)\n\n(.+)\n\n?$/.exec(head);
  if (!start) throw new Error(`no H1, summary and prose: ${JSON.stringify(head)}`);
  const sections = [];
  for (let i = 0; i < parts.length; i += 2) {
    const lines = parts[i + 1]!.split('\n').filter((line) => line !== '');
    sections.push({ title: parts[i]!, links: lines.map(parseLink) });
  }
  return { title: start[1]!, summary: start[2]!, prose: start[3]!, sections };
}

function parseLink(line: string): ParsedLink {
  const match = LINK.exec(line);
  if (!match) throw new Error(`no link: ${JSON.stringify(line)}`);
  return { title: match[1]!, url: match[2]!, note: match[3] };
}

/** What a Markdown reader shows of a line: backslash escapes undone. @throws Error where an unescaped character would be markup */
export function shownText(line: string): string {
  const rest = line.replace(/\\[\\`*_<>#~|&+=.)-]/g, '\u0001');
  if (/[`*<>[\]\\]|~|(?<![\p{L}\p{N}\\])_(?=\S)|&#?\w+;/u.test(rest)) throw new Error(`markup in ${JSON.stringify(line)}`);
  return line.replace(/\\([\\`*_<>#~|&+=.)-])/g, '$1');
}
