import { Readability } from '@mozilla/readability';
import { cleanText, type DomDocument, type DomElement } from './dom.ts';

/** Never content. Taken away first: what is left costs less, and readability judges it better. */
const NOISE =
  'title,script,style,noscript,template,svg,iframe,canvas,object,embed,dialog,link,input,select,textarea,button,[hidden],[aria-hidden=true]';
const FRAME = 'nav,footer,aside,header,form,[role=navigation],[role=banner],[role=contentinfo],[role=search],[role=complementary],[role=dialog],[role=menu]';
const FRAME_NAME =
  /(?:^|[\s_-])(?:nav|navbar|navigation|menu|footer|sidebar|breadcrumbs?|cookies?|consent|newsletter|subscribe|share|sharing|social|popup|modal|banner|promo|advert\w*|ads?|related|recommend\w*|skip|toolbar|pagination|pager|login|signup|masthead)(?:$|[\s_-])/i;
const LINK_BLOCKS = 'ul,ol,div,section,table';
/** What is larger than this share of the page is no frame, whatever its name. */
const MAX_FRAME_RATIO = 0.3;
/** A block of links is navigation from this share of linked text on. */
const MIN_LINKED_RATIO = 0.8;
const MIN_LINKS = 4;
/** `main` must hold this share of the page's text to be believed. */
const MIN_MAIN_RATIO = 0.2;
/** Readability's article is taken if it has this share of the text that the page's structure marks as content. */
const MIN_ARTICLE_RATIO = 0.5;

/** Readability trusts shorter ones only after it has let the page's frame in. */
const MIN_ARTICLE_CHARACTERS = 500;

/** Browsers nest no deeper. Judging takes the cube of the depth: half a minute for 1,600 elements within each other. */
const MAX_DEPTH = 512;

/** The page's main content; the document is used up. Articles by readability, other pages (lists, products, forums) by their own structure. */
export function findMainContent(document: DomDocument, isArticle: boolean): DomElement | undefined {
  for (const node of document.querySelectorAll(NOISE)) node.remove();
  if (isTooDeep(document)) return document.body ?? undefined;
  if (isArticle) return readArticle(document) ?? document.body ?? undefined;
  const structural = findByStructure(document);
  if (structural && lengthOf(structural) < MIN_ARTICLE_CHARACTERS) return structural;
  const article = readArticle(document);
  if (!structural || !article) return article ?? structural;
  return lengthOf(article) >= MIN_ARTICLE_RATIO * lengthOf(structural) ? article : structural;
}

function isTooDeep(document: DomDocument): boolean {
  const depths = new Map<DomElement, number>();
  for (const node of document.querySelectorAll('*')) {
    const depth = 1 + ((node.parentElement && depths.get(node.parentElement)) ?? 0);
    if (depth > MAX_DEPTH) return true;
    depths.set(node, depth);
  }
  return false;
}

function readArticle(document: DomDocument): DomElement | undefined {
  if (!document.documentElement) return undefined;
  // Classes name a code block's language.
  // Types: readability asks for a browser's Document; linkedom's has all that it uses.
  const Reader = Readability as unknown as new (document: DomDocument, options: { serializer: (element: DomElement) => DomElement; keepClasses: boolean }) => { parse(): { content?: DomElement | null } | null };
  return new Reader(document, { serializer: (element) => element, keepClasses: true }).parse()?.content ?? undefined;
}

function findByStructure(document: DomDocument): DomElement | undefined {
  const body = document.body ?? document.documentElement;
  if (!body) return undefined;
  const root = chooseRoot(document, body).cloneNode(true);
  const isSmall = (length: number) => length < MAX_FRAME_RATIO * lengthOf(root);
  for (const node of root.querySelectorAll(FRAME)) if (!isHeading(node) && (node.localName !== 'form' || isSmall(lengthOf(node)))) node.remove();
  for (const node of root.querySelectorAll('[class],[id]')) {
    const name = `${node.getAttribute('class') ?? ''} ${node.getAttribute('id') ?? ''}`;
    if (FRAME_NAME.test(name) && isSmall(lengthOf(node))) node.remove();
  }
  const small = MAX_FRAME_RATIO * lengthOf(root);
  for (const node of root.querySelectorAll(LINK_BLOCKS)) if (isLinkBlock(node, small)) node.remove();
  return root;
}

/** The header of an article or section carries its title. */
const isHeading = (node: DomElement): boolean => node.localName === 'header' && node.closest('article,main,section') !== null;

function chooseRoot(document: DomDocument, body: DomElement): DomElement {
  const whole = lengthOf(body);
  const main = document.querySelector('main,[role=main]');
  if (main && lengthOf(main) >= MIN_MAIN_RATIO * whole) return main;
  const articles = [...document.querySelectorAll('article')].filter((article) => !article.parentElement?.closest('article'));
  const only = articles.length === 1 ? articles[0] : undefined;
  return only && lengthOf(only) > MAX_FRAME_RATIO * whole ? only : body;
}

function isLinkBlock(node: DomElement, maxLength: number): boolean {
  const length = lengthOf(node);
  if (length === 0 || length >= maxLength) return false;
  const links = [...node.querySelectorAll('a')];
  if (links.length < MIN_LINKS || node.querySelector('p,h2,h3,h4')) return false;
  return links.reduce((sum, link) => sum + lengthOf(link), 0) > MIN_LINKED_RATIO * length;
}

const lengthOf = (node: DomElement): number => cleanText(node.textContent).length;
