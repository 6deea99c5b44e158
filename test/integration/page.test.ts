import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPERATIONS } from '../../lambdas/serve-api/operations.ts';
import { makeKey } from '../support/target-keys.ts';
import { startTarget } from '../support/targets/start-target.ts';
import type { Target } from '../support/targets/target.ts';

/** Debian's; another place may be named in CHROMIUM. */
const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const SCREENSHOTS = resolve(import.meta.dirname, '../../build/page');
const hasBrowser = existsSync(CHROMIUM);

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

describe.skipIf(!hasBrowser)(`the live page, in the browser at ${CHROMIUM}`, () => {
  let target: Target;
  let browser: Browser;
  let key: string;

  beforeAll(async () => {
    target = await startTarget();
    key = await makeKey(target, `page-${Date.now().toString(36)}`);
    mkdirSync(SCREENSHOTS, { recursive: true });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await target?.stop();
  });

  /** A page of its own; whatever goes wrong in it is listed. */
  async function open(options: BrowserContextOptions = {}): Promise<{ readonly page: Page; readonly faults: string[] }> {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => (message.type() === 'error' ? faults.push(message.text()) : undefined));
    page.on('request', (request) => (new URL(request.url()).hostname === '127.0.0.1' || request.url().startsWith('data:') ? undefined : faults.push(request.url())));
    await page.goto(`${target.apiEndpoint}/dashboard`);
    return { page, faults };
  }

  async function signIn(page: Page): Promise<void> {
    await page.getByLabel('Key').fill(key);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Start a run' }).waitFor();
  }

  async function start(page: Page, processor: string, lines: string, options = ''): Promise<void> {
    await page.getByLabel('What is done').selectOption(processor);
    await page.getByLabel('Items, one a line').fill(lines);
    if (options !== '') {
      await page.getByText('Options', { exact: true }).click();
      await page.getByRole('textbox', { name: /^As JSON/ }).fill(options);
    }
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByRole('link', { name: 'All runs' }).waitFor();
  }

  const state = (page: Page, name: string) => page.locator('.state', { hasText: name }).waitFor({ timeout: 120_000 });

  /** Serious findings of axe. The page's own policy forbids what axe needs, so it looks at a page without it. */
  async function findings(page: Page): Promise<string[]> {
    await page.evaluate(axe.source);
    const found = await page.evaluate(async () => ((await (globalThis as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } }).axe.run()).violations));
    return found.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
  }

  it('signs in with a key, starts a run, and shows it live to its end with its results', async () => {
    const { page, faults } = await open();
    await page.screenshot({ path: join(SCREENSHOTS, 'sign-in.png') });
    await signIn(page);
    await start(page, 'noop', Array.from({ length: 400 }, (_, i) => `item ${i}`).join('\n'), '{"itemsPerBatch": 4}');
    await page.getByRole('button', { name: 'Cancel' }).waitFor();
    await page.screenshot({ path: join(SCREENSHOTS, 'running.png'), fullPage: true });
    await state(page, 'finished');
    await page.getByRole('heading', { name: 'Results' }).waitFor();
    expect(await page.locator('.figures div', { hasText: 'Succeeded' }).locator('dd').textContent()).toBe('400');
    expect(await page.getByRole('link', { name: /results\/00000-00-/ }).count()).toBe(1);
    await page.screenshot({ path: join(SCREENSHOTS, 'finished.png') });
    await page.getByRole('link', { name: 'All runs' }).click();
    await page.getByRole('cell', { name: 'noop' }).first().waitFor();
    await page.screenshot({ path: join(SCREENSHOTS, 'runs.png'), fullPage: true });
    expect(faults).toEqual([]);
  });

  it('shows what failed, why, and does it again with one click', async () => {
    const { page, faults } = await open({ colorScheme: 'dark' });
    await signIn(page);
    await start(page, 'generate', 'one\ntwo', '{"model": "m1", "api": "nobody"}');
    await state(page, 'finished');
    await page.getByText('ApiNotConfiguredError').click();
    await page.getByText('expected the operator to have configured the API nobody').first().waitFor();
    await page.screenshot({ path: join(SCREENSHOTS, 'errors-dark.png'), fullPage: true });
    const before = page.url();
    await page.getByRole('button', { name: 'Do these again' }).click();
    await page.waitForURL((url) => url.href !== before);
    await page.getByText('Does failed items of').waitFor();
    await state(page, 'finished');
    expect(faults).toEqual([]);
  });

  it('cancels a run', async () => {
    const { page, faults } = await open({ viewport: { width: 390, height: 844 } });
    await signIn(page);
    await start(page, 'noop', Array.from({ length: 600 }, (_, i) => `item ${i}`).join('\n'), '{"itemsPerBatch": 1}');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('Stopped: cancelled').waitFor({ timeout: 120_000 });
    await page.screenshot({ path: join(SCREENSHOTS, 'cancelled-phone.png'), fullPage: true });
    await state(page, 'finished');
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(faults).toEqual([]);
  });

  it('says what is wrong with a key or an option, and keeps what was typed', async () => {
    const { page } = await open();
    await page.getByLabel('Key').fill('nonsense');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('That key opens nothing').waitFor();
    await signIn(page);
    await page.getByLabel('Items, one a line').fill('https://example.com');
    await page.getByText('Options', { exact: true }).click();
    await page.getByRole('textbox', { name: /^As JSON/ }).fill('{"twinz": true}');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText(/twinz/).first().waitFor();
    expect(await page.getByLabel('Items, one a line').inputValue()).toBe('https://example.com');
  });

  it("has the API's document as a page, for anybody", async () => {
    const { page, faults } = await open();
    await page.goto(`${target.apiEndpoint}/docs`);
    await page.getByText('Starts a run of these items').click();
    const form = page.locator('#createRun details', { hasText: 'processor: llms-txt' });
    await form.getByText('processor: llms-txt').click();
    await form.getByText('Fields', { exact: true }).first().click();
    await form.getByText('itemsPerBatch', { exact: true }).waitFor();
    expect(await page.locator('details.card').count()).toBe(OPERATIONS.length);
    await page.screenshot({ path: join(SCREENSHOTS, 'docs.png'), fullPage: true });
    expect(faults).toEqual([]);
    const { page: lax } = await open({ bypassCSP: true, viewport: { width: 390, height: 844 } });
    await lax.goto(`${target.apiEndpoint}/docs#createRun`);
    await lax.getByText('processor: llms-txt').click();
    await lax.screenshot({ path: join(SCREENSHOTS, 'docs-phone.png') });
    expect(await findings(lax)).toEqual([]);
  });

  it.each(['light', 'dark'] as const)('has no serious finding of axe in any of its states (%s)', async (colorScheme) => {
    const { page } = await open({ colorScheme, bypassCSP: true });
    const found: Record<string, string[]> = { 'sign in': await findings(page) };
    await signIn(page);
    found['runs'] = await findings(page);
    await start(page, 'noop', Array.from({ length: 600 }, (_, i) => `item ${i}`).join('\n'), '{"itemsPerBatch": 2}');
    await page.getByRole('button', { name: 'Pause' }).click();
    await state(page, 'paused');
    found['running'] = await findings(page);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await state(page, 'finished');
    found['done'] = await findings(page);
    await page.getByRole('link', { name: 'All runs' }).click();
    await start(page, 'generate', 'one', '{"model": "m1", "api": "nobody"}');
    await state(page, 'finished');
    await page.getByText('ApiNotConfiguredError').click();
    found['errors'] = await findings(page);
    expect(found).toEqual({ 'sign in': [], runs: [], running: [], done: [], errors: [] });
  });
});
