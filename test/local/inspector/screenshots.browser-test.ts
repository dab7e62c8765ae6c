import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isWiderThanWindow, launchBrowser, openPage } from './browser.ts';
import { CHINESE, createDemoBot, ENGLISH } from './demo-bot.ts';
import { PageRecorder } from './page-recorder.ts';
import { type RunningStack, startStack } from './running-stack.ts';

/** Set by `npm run screenshots`. */
const FOLDER = process.env.SCREENSHOTS;

const MAXIMUM_BYTES = 1_000_000;
const TYPING_MILLISECONDS = 90;
const STREAMING_MILLISECONDS = 250;
const READING_MILLISECONDS = 2500;

const PICTURE_QUALITY = 0.85;
const CHAT_VIEWPORT = { width: 1120, height: 810 };
const EVENT_VIEWPORT = { width: 1120, height: 1000 };
const RECORDING_VIEWPORT = { width: 900, height: 640 };

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

describe.each([
  { locale: 'en-US', suffix: '', texts: ENGLISH, names: { message: 'Message', send: 'Send', event: /^Event of/ } },
  {
    locale: 'zh-CN',
    suffix: '.zh-CN',
    texts: CHINESE,
    names: { message: '消息', send: '发送', event: /的消息的事件/ },
  },
])('The pictures of the inspector, $locale', ({ locale, suffix, texts, names }) => {
  let stack: RunningStack;
  const write = async (page: Page, text: string) => {
    await page.getByRole('textbox', { name: names.message, exact: true }).fill(text);
    await page.getByRole('textbox', { name: names.message, exact: true }).press('Enter');
  };
  const openChat = async (options: BrowserContextOptions, conversation: number) => {
    const opened = await openPage(browser, stack.pageUrl, { locale, ...options });
    await opened.page.goto(`${stack.pageUrl}#chat`);
    await opened.page.locator('.chats a').nth(conversation).click();
    await opened.page.locator('.conversation textarea').waitFor();
    return opened;
  };
  const stopButton = (page: Page) => page.getByRole('button', { name: texts.stop });

  beforeAll(async () => {
    stack = await startStack(createDemoBot(locale === 'zh-CN'));
  });
  afterAll(() => stack[Symbol.asyncDispose]());

  it('record the first minute: a question, a streamed answer, a click in a card, and the event', async () => {
    await using opened = await openChat({ viewport: RECORDING_VIEWPORT }, 1);
    const { page, problems } = opened;
    const recorder = await PageRecorder.start(page);
    await recorder.add(1000);
    const input = page.getByRole('textbox', { name: names.message, exact: true });
    for (let length = 1; length <= texts.question.length; length += 1) {
      await input.fill(texts.question.slice(0, length));
      await recorder.add(TYPING_MILLISECONDS);
    }
    await input.press('Enter');
    const isCardShown = () => stopButton(page).isVisible();
    while (!(await isCardShown())) await recorder.add(STREAMING_MILLISECONDS);
    await recorder.add(READING_MILLISECONDS);
    await stopButton(page).hover();
    await recorder.add(700);
    await stopButton(page).click();
    await page.getByRole('status').filter({ hasText: texts.toast }).waitFor();
    await page
      .locator('.message-card')
      .getByText(/db-1.*24/)
      .waitFor();
    await recorder.add(READING_MILLISECONDS);
    const link = page.getByRole('link', { name: names.event });
    await link.hover();
    await recorder.add(700);
    await link.click();
    await page.locator('.timeline').waitFor();
    await page.locator('.api-call').first().waitFor();
    await recorder.add(READING_MILLISECONDS);
    await page.locator('.api-call').first().scrollIntoViewIfNeeded();
    await recorder.add(READING_MILLISECONDS);

    const animation = recorder.animation();
    await save(`first-minute${suffix}.webp`, animation);
    expect(animation.length).toBeLessThan(MAXIMUM_BYTES);
    expect(await recorder.countDecodedFrames(stack.pageUrl, animation)).toBe(recorder.frameCount);
    expect(problems).toEqual([]);
  });

  it('show a streamed answer and a card, and the timeline of a retried event', async () => {
    await using opened = await openChat({ viewport: CHAT_VIEWPORT, deviceScaleFactor: 1.5 }, 2);
    const { page, problems } = opened;
    await write(page, texts.question);
    await stopButton(page).waitFor();
    expect(await page.locator('.message-card table').innerText()).toContain('480');
    await savePictures(page, 'inspector-chat');

    await write(page, texts.report);
    await page.locator('.message-body').getByText(texts.reportSent).waitFor();
    await page.setViewportSize(EVENT_VIEWPORT);
    await page.getByRole('link', { name: names.event }).last().click();
    await page.locator('.frame-own').first().waitFor();
    await page.locator('.timeline-handled').waitFor();
    expect(await page.locator('.failure').innerText()).toContain(texts.error);
    expect(await page.locator('.timeline li').count()).toBe(2);
    expect(await page.locator('.api-call').count()).toBe(1);
    expect(problems).toEqual([]);
    await savePictures(page, 'inspector-event');
  });

  async function savePictures(page: Page, name: string): Promise<void> {
    expect(await isWiderThanWindow(page)).toBe(false);
    for (const [colorScheme, theme] of [['light', ''] as const, ['dark', '-dark'] as const]) {
      await page.emulateMedia({ colorScheme });
      const recorder = await PageRecorder.start(page);
      await recorder.add(0, PICTURE_QUALITY);
      await save(`${name}${theme}${suffix}.webp`, recorder.still());
    }
    await page.emulateMedia({ colorScheme: 'light' });
  }
});

async function save(name: string, picture: Buffer): Promise<void> {
  if (FOLDER === undefined) return;
  await mkdir(FOLDER, { recursive: true });
  await writeFile(path.join(FOLDER, name), picture);
}
