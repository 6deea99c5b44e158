import { escapeHtml, renderMarkup } from './render-markup.ts';
import type { SitePage } from './site-content.ts';

/** The whole document of a page: what surrounds the article is what an extraction has to strip. */
export function renderPage(page: SitePage, pages: readonly SitePage[]): string {
  const siblings = pages.filter(({ section }) => section === page.section);
  return `<!doctype html>
<html lang="${page.language}">
<head>
<meta charset="${page.charset}">
<title>${escapeHtml(page.title)} - Weirwright</title>
<meta name="description" content="${escapeHtml(page.description)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta property="og:site_name" content="Weirwright">
<meta property="article:modified_time" content="${page.date}">
<link rel="stylesheet" href="/style.css">
<script>document.documentElement.classList.add('has-script');</script>
</head>
<body>
<header class="site-header">
<a class="logo" href="/">Weirwright</a>
<nav aria-label="Main">${renderLinks(pages.filter(({ path }) => path.endsWith('/')), page)}</nav>
<form role="search" action="/search"><input name="q" placeholder="Search the manual"><button>Search</button></form>
</header>
<div class="columns">
<aside class="sidebar"><h2>In this section</h2>${renderLinks(siblings, page)}</aside>
<main>
<article>
<h1>${escapeHtml(page.title)}</h1>
<p class="meta"><time datetime="${page.date}">${page.date}</time></p>
${renderMarkup(page.body)}
${page.path.endsWith('/') ? renderContents(siblings, page) : ''}
</article>
</main>
<aside class="promotion"><h2>Lock keepers' newsletter</h2><p>Four letters a year, no advertising.</p><form><input type="email"><button>Subscribe</button></form></aside>
</div>
<footer>
<p>&copy; 2014-2026 Weirwright Cooperative. Weirwright is a product that does not exist.</p>
${renderLinks(pages.filter(({ section }) => section === 'about'), page)}
</footer>
<script>window.analyticsQueue = [["view", ${JSON.stringify(page.path)}]];</script>
</body>
</html>
`;
}

const renderLinks = (targets: readonly SitePage[], current: SitePage): string =>
  `<ul>${targets.map(({ path, title }) => `<li><a href="${path}"${path === current.path ? ' aria-current="page"' : ''}>${inlineTitle(title, current)}</a></li>`).join('')}</ul>`;

const renderContents = (siblings: readonly SitePage[], index: SitePage): string =>
  `<dl class="contents">\n${siblings
    .filter((page) => page !== index && page.charset === 'utf-8')
    .map((page) => `<dt><a href="${page.path}">${inlineTitle(page.title, index)}</a></dt><dd>${escapeHtml(page.description)}</dd>`)
    .join('\n')}\n</dl>`;

/** A page in an old charset can't spell every other page's title: it takes character references. */
function inlineTitle(title: string, current: SitePage): string {
  const escaped = escapeHtml(title.replaceAll(/\s+/g, ' '));
  if (current.charset === 'utf-8') return escaped;
  return escaped.replaceAll(/[^\u0020-\u007e]/gu, (character) => `&#${character.codePointAt(0)};`);
}
