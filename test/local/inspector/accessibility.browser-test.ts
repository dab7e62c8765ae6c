import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EventRecord, EventStatus } from '../../../lib/local/inspector/wire.ts';
import { findAccessibilityProblems, isWiderThanWindow, launchBrowser, openPage } from './browser.ts';
import { CHAT } from './chat-samples.ts';
import { startPageServer } from './page-server.ts';

const STATUSES: EventStatus[] = [
  ...(['queued', 'handled', 'answered', 'retrying', 'dropped', 'unhandled', 'dead', 'redriven'] as const),
  ...(['duplicate', 'rejected'] as const),
];

const RECORDS = STATUSES.map((status, index): EventRecord => {
  const time = new Date(Date.UTC(2026, 10, 27, 2, index)).toISOString();
  const isRejected = status === 'rejected';
  return {
    messageId: `message-${index}`,
    status,
    attempts: index,
    receivedAt: time,
    updatedAt: time,
    ...(isRejected
      ? { code: 'FEISHU_SIGNATURE_WRONG', lastError: 'X-Lark-Signature does not match the body.' }
      : {
          // Two deliveries each have the same id.
          id: `event-${index % 5}`,
          type: 'im.message.receive_v1',
          version: '2.0',
          source: 'webhook',
          acknowledgedAt: time,
        }),
    ...(['retrying', 'dead'].includes(status) && { lastError: 'Error: The database is down', handleMilliseconds: 12 }),
    ...(status === 'retrying' && { retryAt: time }),
  };
});

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const select = (page: Page, index: number) => page.locator('#events').getByRole('option').nth(index).click();

describe('The events view', () => {
  it.each([
    [390, 'light', 'en-US'],
    [390, 'dark', 'zh-CN'],
    [820, 'light', 'zh-CN'],
    [820, 'dark', 'en-US'],
    [1440, 'light', 'en-US'],
    [1440, 'dark', 'zh-CN'],
  ] as const)('is accessible in a window %i pixels wide, %s, %s', async (width, colorScheme, locale) => {
    await using server = await startPageServer(CHAT, RECORDS);
    await using opened = await openPage(browser, server.url, { viewport: { width, height: 900 }, colorScheme, locale });
    const { page, problems } = opened;
    await page
      .locator('#events')
      .getByRole('option')
      .nth(RECORDS.length - 1)
      .waitFor();
    expect(await findAccessibilityProblems(page)).toEqual([]);
    for (const status of ['rejected', 'dead', 'retrying'] as const) {
      await select(page, RECORDS.length - 1 - STATUSES.indexOf(status));
      if (status !== 'rejected') await page.locator('.json-name').first().waitFor();
      expect(await isWiderThanWindow(page)).toBe(false);
      expect(await findAccessibilityProblems(page)).toEqual([]);
      if (width < 700) await page.locator('.back').click();
    }
    await page.locator('.send').getByRole('button').last().click();
    await page.getByRole('dialog').waitFor();
    expect(await findAccessibilityProblems(page)).toEqual([]);
    await page.keyboard.press('Escape');
    server.failBuild();
    await page.getByRole('alert').waitFor();
    expect(await findAccessibilityProblems(page)).toEqual([]);
    expect(problems).toEqual([]);
  });
});
