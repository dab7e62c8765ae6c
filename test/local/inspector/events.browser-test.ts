import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventRecord } from '../../../lib/local/inspector/wire.ts';
import { launchBrowser, openPage } from './browser.ts';
import { CHAT } from './chat-samples.ts';
import { startPageServer } from './page-server.ts';

const COUNT = 10_000;
const longTimeout = { timeout: 180_000 };
const RECORDS = Array.from({ length: COUNT }, (_, index): EventRecord => {
  const time = new Date(Date.now() - (COUNT - index) * 1000).toISOString();
  return {
    messageId: `message-${index}`,
    id: `event-${index}`,
    type: index % 10 === 0 ? 'contact.user.created_v3' : 'im.message.receive_v1',
    source: index % 2 === 0 ? 'webhook' : 'long-connection',
    status: index % 4 === 0 ? 'dead' : 'handled',
    attempts: 1,
    receivedAt: time,
    updatedAt: time,
    ...(index % 4 === 0 && { lastError: 'x'.repeat(5000) }),
  };
});

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe('The events view', () => {
  it('renders only the visible ones of 10,000 events, and filters and clears them', async () => {
    await using server = await startPageServer(CHAT, RECORDS);
    await using opened = await openPage(browser, server.url);
    const { page, problems } = opened;
    const list = page.locator('#events');
    const summary = page.locator('.summary');
    await summary.filter({ hasText: '10000 events' }).waitFor();
    expect(await list.getByRole('option').count()).toBeLessThan(60);
    await list.press('End');
    await list.getByRole('option', { selected: true }).waitFor();
    expect(await list.getByRole('option', { selected: true }).getAttribute('aria-posinset')).toBe('10000');

    await page.getByRole('searchbox').fill('contact');
    await summary.filter({ hasText: '1000 of 10000' }).waitFor();
    await page.getByRole('combobox', { name: 'Source' }).selectOption('webhook');
    await page.getByRole('combobox', { name: 'Status' }).selectOption('handled');
    await summary.filter({ hasText: '500 of 10000' }).waitFor();
    await page.getByRole('searchbox').fill('');
    await page.getByRole('combobox', { name: 'Source' }).selectOption('');
    await page.getByRole('combobox', { name: 'Status' }).selectOption('');
    await page.getByRole('combobox', { name: 'Time' }).selectOption('Last hour');
    await summary.filter({ hasText: /3\d{3} of 10000/ }).waitFor();
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await summary.filter({ hasText: '0 of 10000' }).waitFor();
    await page.getByRole('button', { name: 'Show cleared' }).click();
    await summary.filter({ hasText: /3\d{3} of 10000/ }).waitFor();
    expect(problems).toEqual([]);
  });

  it('searches the contents of events', async () => {
    await using server = await startPageServer(CHAT, RECORDS.slice(0, 5));
    await using opened = await openPage(browser, server.url);
    const { page, problems } = opened;
    await page.getByRole('searchbox').fill('hello number');
    await page
      .locator('.summary')
      .filter({ hasText: /^\s*5 events/ })
      .waitFor();
    await page.getByRole('searchbox').fill('hello nowhere');
    await page.locator('.summary').filter({ hasText: '0 of 5 events' }).waitFor();
    expect(problems).toEqual([]);
  });

  it('shortens long errors, folds the event and copies it', async () => {
    await using server = await startPageServer(CHAT, RECORDS.slice(0, 5));
    const permissions = ['clipboard-read', 'clipboard-write'];
    await using opened = await openPage(browser, server.url, { permissions });
    const { page, problems } = opened;
    await page.locator('#events').getByRole('option').first().click();
    await page.getByText('… 4,800 more characters').click();
    await expect.poll(() => page.locator('.failure').innerText(), longTimeout).toContain('x'.repeat(4800));
    await page.locator('.json summary').filter({ hasText: '"event"' }).click();
    await page.getByText('"number"').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Copy event', exact: true }).click();
    await page.locator('[aria-live]').filter({ hasText: 'Copied' }).waitFor({ state: 'attached' });
    const copied = await page.evaluate('navigator.clipboard.readText()');
    expect(JSON.parse(String(copied))).toMatchObject({ event: { text: 'Hello' } });
    await page.getByRole('button', { name: 'Copy Queue message ID' }).click();
    await expect.poll(() => page.evaluate('navigator.clipboard.readText()'), longTimeout).toBe('message-4');
    expect(problems).toEqual([]);
  });
});
