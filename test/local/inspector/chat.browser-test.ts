import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../../lib/local/inspector/page-files.ts';
import type { ChatState } from '../../../lib/local/inspector/wire.ts';
import {
  findAccessibilityProblems,
  isHigherThanWindow,
  isWiderThanWindow,
  launchBrowser,
  openPage,
} from './browser.ts';
import { ALARM_CARD, CHAT, createMessage, DIRECT, fromBot } from './chat-samples.ts';
import { type PageServer, startPageServer } from './page-server.ts';

const longTimeout = { timeout: 180_000 };
let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

async function openChat(state: ChatState = CHAT, options: BrowserContextOptions = {}, hash = '#chat') {
  await using parts = new AsyncDisposableStack();
  const server: PageServer = parts.use(await startPageServer(state));
  const { page, problems } = parts.use(await openPage(browser, server.url, options));
  await page.goto(server.url + hash);
  await page.locator('.conversation').waitFor({ state: 'attached' });
  const resources = parts.move();
  return { server, page, problems, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

const message = (page: Page, id: string) => page.locator(`[id="message-${id}"]`);
const composer = (page: Page) => page.getByRole('textbox', { name: 'Message', exact: true });
const becomesTrue = (page: Page, expression: string) =>
  expect.poll(() => page.evaluate(expression), longTimeout).toBe(true);
const alarmOf = (state: string) => ({
  ...ALARM_CARD,
  elements: [{ tag: 'markdown', content: state }, ...ALARM_CARD.elements],
});

describe('The page', () => {
  it('has at most 150 KB, compressed', async () => {
    const { script, style } = await buildPage();
    expect(gzipSync(script).length + gzipSync(style).length).toBeLessThan(150_000);
  });
});

describe('The chat view', () => {
  it('shows messages of every kind', async () => {
    await using opened = await openChat();
    const { page, problems } = opened;
    const texts = await Promise.all([1, 3, 5, 6, 7, 9].map((id) => message(page, `om_${id}`).innerText()));
    expect(texts[0]).toContain('@Echo how is db-1?');
    expect(texts[0]).toContain('OK 2');
    expect(texts[1]).toMatch(/Plan\s+First the site\s+@Echo/);
    expect(texts[2]).toContain('report.pdf');
    expect(texts[3]).toContain('edited');
    expect(texts[4]).toContain('This message was recalled.');
    expect(texts[4]).not.toContain('Secret');
    expect(texts[5]).toContain('Message of type audio');
    await message(page, 'om_4').getByRole('img', { name: 'Picture' }).waitFor();
    await message(page, 'om_2').getByRole('region', { name: 'Disk almost full' }).waitFor();
    await message(page, 'om_2').getByRole('button', { name: 'In reply to Anna: @Echo how is db-1?' }).click();
    await becomesTrue(page, 'document.activeElement?.id === "message-om_1"');
    await page.getByRole('link', { name: 'Anna Direct Hello' }).click();
    await page.getByRole('heading', { level: 2, name: 'Anna' }).waitFor();
    expect(await page.getByRole('article').count()).toBe(1);
    expect(problems).toEqual([]);
  });

  it('sends texts, rich texts, replies, pictures and files as the chosen person', async () => {
    await using opened = await openChat();
    const { page, server, problems } = opened;
    await composer(page).fill('one');
    await composer(page).press('Shift+Enter');
    await composer(page).pressSequentially('two');
    await composer(page).press('Enter');
    await message(page, 'om_sent_1').getByText('one\ntwo').waitFor();
    await becomesTrue(page, 'document.querySelector(".composer textarea").value === ""');

    await page.getByRole('combobox', { name: 'Act as' }).selectOption('Bo');
    await page.getByRole('checkbox', { name: 'Mention @Echo' }).uncheck();
    await page.getByRole('checkbox', { name: 'Rich text' }).check();
    await message(page, 'om_2')
      .getByRole('button', { name: /^Reply to Echo/ })
      .click();
    await becomesTrue(page, 'document.activeElement === document.querySelector(".composer textarea")');
    await composer(page).fill('reply');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await message(page, 'om_sent_2').getByText('In reply to Echo: [Card] Disk almost full').waitFor();

    const file = page.locator('input[type=file]');
    await file.setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('picture') });
    await page.getByRole('button', { name: 'Remove a.png' }).waitFor();
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await message(page, 'om_sent_3').waitFor();
    await file.setInputFiles({ name: 'b.txt', mimeType: 'text/plain', buffer: Buffer.from('text') });
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await message(page, 'om_sent_4').getByRole('link', { name: 'b.txt' }).waitFor();
    await file.setInputFiles({ name: 'c.bin', mimeType: 'application/x', buffer: Buffer.alloc(5 * 1024 * 1024) });
    await page.getByText('c.bin is larger than 4 MB.').waitFor();

    const chatId = 'oc_group';
    expect(server.sent).toEqual([
      { chatId, personId: 'ou_anna', messageType: 'text', text: 'one\ntwo', mentionsBot: true },
      { chatId, personId: 'ou_bo', messageType: 'post', text: 'reply', parentId: 'om_2' },
      { chatId, personId: 'ou_bo', messageType: 'image', file: { name: 'a.png', base64: btoa('picture') } },
      { chatId, personId: 'ou_bo', messageType: 'file', file: { name: 'b.txt', base64: btoa('text') } },
    ]);
    expect(problems).toEqual([]);
  });

  it('mentions nobody in a direct chat', async () => {
    await using opened = await openChat(CHAT, {}, `#chat/${DIRECT.chatId}`);
    const { page, server } = opened;
    expect(await page.getByRole('checkbox', { name: /^Mention/ }).count()).toBe(0);
    await composer(page).fill('hello');
    await composer(page).press('Enter');
    await message(page, 'om_sent_1').waitFor();
    expect(server.sent).toEqual([{ chatId: DIRECT.chatId, personId: 'ou_anna', messageType: 'text', text: 'hello' }]);
  });

  it('sends the actions of buttons, lists and dates, and shows the toast and the updated card', async () => {
    await using opened = await openChat();
    const { page, server, problems } = opened;
    const card = message(page, 'om_2');
    server.respondWith({ status: 200, toast: { type: 'success', content: 'Acknowledged' } });
    await card.getByRole('button', { name: 'Acknowledge' }).press('Enter');
    await page.getByRole('status').filter({ hasText: 'Acknowledged' }).waitFor();
    server.change(createMessage(2, 'interactive', alarmOf('Acknowledged by Anna'), fromBot));
    await card.getByText('Acknowledged by Anna').waitFor();
    // The update neither moves the focus nor resets the card.
    await becomesTrue(page, 'document.activeElement?.textContent === "Acknowledge"');

    await card.getByRole('button', { name: 'Delete logs' }).click();
    await page.getByRole('dialog', { name: 'Delete the logs?' }).getByRole('button', { name: 'Cancel' }).click();
    await card.getByRole('button', { name: 'Delete logs' }).click();
    server.respondWith({ status: 500 });
    await page.getByRole('dialog', { name: 'Delete the logs?' }).getByRole('button', { name: 'OK' }).click();
    await page.getByText('The callback failed: response 500.').waitFor();
    expect(await card.getByRole('button', { name: 'Escalate' }).isDisabled()).toBe(true);

    server.respondWith({ status: 200 });
    const countActions = () => server.actions.length;
    await card.getByRole('combobox', { name: 'Assign to' }).selectOption('Bo');
    await expect.poll(countActions, longTimeout).toBe(3);
    await card.locator('summary').click();
    await card.getByRole('button', { name: 'Mute for an hour' }).click();
    await expect.poll(countActions, longTimeout).toBe(4);
    await card.getByLabel('Remind me on').fill('2026-12-24');
    await card.getByRole('button', { name: 'OK' }).click();
    await expect.poll(countActions, longTimeout).toBe(5);
    const from = { messageId: 'om_2', personId: 'ou_anna' };
    expect(server.actions).toEqual([
      { ...from, tag: 'button', value: { do: 'acknowledge' } },
      { ...from, tag: 'button', value: { do: 'delete' } },
      { ...from, tag: 'select_static', option: 'b' },
      { ...from, tag: 'overflow', option: 'mute' },
      {
        ...from,
        tag: 'date_picker',
        option: expect.stringMatching(/^2026-12-24 [+-]\d{4}$/),
        timezone: expect.any(String),
      },
    ]);
    server.change(createMessage(2, 'interactive', { elements: [{ tag: 'markdown', content: 'Closed' }] }, fromBot));
    await card.getByText('Closed').waitFor();
    await becomesTrue(page, 'document.activeElement?.id === "message-om_2"');
    expect(problems).toEqual([]);
  });

  it('shows the whole button of a toast with a long text, and removes the toast when a message is sent', async () => {
    await using opened = await openChat();
    const { page, server } = opened;
    server.respondWith({ status: 200, toast: { type: 'success', content: 'Acknowledged by Anna. '.repeat(10) } });
    await message(page, 'om_2').getByRole('button', { name: 'Acknowledge' }).click();
    const close = page.getByRole('button', { name: 'Close' });
    expect(await close.evaluate((button) => button.scrollWidth <= button.clientWidth)).toBe(true);
    await composer(page).fill('Thanks');
    await composer(page).press('Enter');
    await close.waitFor({ state: 'detached' });
  });

  it('submits a form once its required fields are filled in', async () => {
    await using opened = await openChat();
    const { page, server, problems } = opened;
    const card = message(page, 'om_8');
    await card.getByRole('button', { name: 'Submit' }).click();
    await card.getByLabel('First day').fill('2026-12-24');
    await card.getByRole('combobox', { name: 'Kind' }).selectOption('Holiday');
    await card.getByRole('checkbox', { name: 'Lead' }).check();
    await card.getByRole('textbox', { name: 'Reason' }).fill('Family');
    await card.getByRole('checkbox', { name: 'Half a day' }).check();
    // An update of the card keeps what was entered.
    const sample = CHAT.messages.find(({ messageId }) => messageId === 'om_8');
    if (sample !== undefined) server.change({ ...sample, isEdited: true });
    await card.getByText('edited').waitFor();
    await card.getByRole('button', { name: 'Submit' }).click();
    await expect.poll(() => server.actions.length, longTimeout).toBe(1);
    expect(server.actions).toEqual([
      {
        ...{ messageId: 'om_8', personId: 'ou_anna', tag: 'button', name: 'send' },
        formValue: {
          from: expect.stringMatching(/^2026-12-24 [+-]\d{4}$/),
          kind: 'holiday',
          notify: ['lead'],
          reason: 'Family',
          half: true,
        },
      },
    ]);
    expect(problems).toEqual([]);
  });

  it('shows messages and a streamed card as they change, and follows them only at the end', async () => {
    await using opened = await openChat();
    const { page, server, problems } = opened;
    const distanceToEnd = () =>
      page.locator('.messages').evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight);
    const streamed = (text: string) => ({
      ...createMessage(20, 'interactive', { type: 'card', data: { card_id: '1' } }, fromBot),
      card: { schema: '2.0', body: { elements: [{ tag: 'markdown', content: text }] } },
    });
    const paragraphs = Array.from({ length: 30 }, (_, index) => `Part ${index}`);
    for (const count of [1, 10, 30]) {
      server.change(streamed(paragraphs.slice(0, count).join('\n\n')));
      await message(page, 'om_20')
        .getByText(`Part ${count - 1}`, { exact: true })
        .waitFor();
      await expect.poll(distanceToEnd, longTimeout).toBeLessThan(2);
    }
    await page.locator('.messages').evaluate((list) => list.scrollTo(0, 0));
    await expect.poll(distanceToEnd, longTimeout).toBeGreaterThan(500);
    server.change(createMessage(21, 'text', { text: 'Done' }, fromBot));
    await page.getByRole('status').filter({ hasText: 'Echo: Done' }).waitFor();
    expect(await page.locator('.messages').evaluate((list) => list.scrollTop)).toBeLessThan(40);
    expect(problems).toEqual([]);
  });

  it('runs nothing from messages and cards, and loads nothing from elsewhere', async () => {
    const script = '<img src=x onerror="document.title=1"><script>document.title=1</script>';
    const link = 'javascript:document.title=1';
    const card = {
      header: { title: { tag: 'plain_text', content: script } },
      elements: [
        { tag: 'markdown', content: `${script} [click](${link}) ![x](https://tracker.example/x.png)` },
        { tag: 'img', img_key: 'https://tracker.example/y.png', alt: { content: script } },
        { tag: 'button', text: { content: 'click' }, url: link },
        { tag: 'input', name: 'elements', placeholder: { content: script }, default_value: script },
      ],
    };
    const post = { title: script, content: [[{ tag: 'a', href: link, text: 'click' }, { tag: script }]] };
    const state = {
      ...CHAT,
      chats: CHAT.chats.map((chat) => ({ ...chat, name: script })),
      messages: [
        createMessage(1, 'text', { text: `${script} ${link}` }),
        createMessage(2, 'post', post),
        createMessage(3, 'interactive', card),
        createMessage(4, script, { text: script }),
        createMessage(5, 'file', { file_key: script, file_name: script }),
      ],
    };
    await using opened = await openChat(state);
    const { page, problems } = opened;
    await page.getByRole('article').nth(4).waitFor();
    for (const target of await page.getByText('click', { exact: true }).all()) await target.click();
    expect(await page.title()).toBe('feishu-events');
    expect(await page.locator('script').count()).toBe(1);
    const addresses = await page
      .locator('.messages a')
      .evaluateAll((links) => links.map((node) => node.getAttribute('href')));
    for (const address of addresses)
      expect(address).toMatch(/^(https:\/\/tracker\.example\/|#events\/om_\d$|\/_inspector\/chat\/resource\?)/);
    expect(problems).toEqual([]);
  });

  it.each([
    [390, 'light', 'en-US', /^Make API calls fail$/, /^Make them fail$/, 'The next 2 calls fail.'],
    [1440, 'dark', 'zh-CN', /^模拟接口错误$/, /^开始模拟$/, '接下来的 2 次调用将会失败。'],
  ] as const)('makes API calls fail, in a window %i pixels wide, %s, %s', async (...row) => {
    const [width, colorScheme, locale, title, submit, result] = row;
    await using opened = await openChat(CHAT, { viewport: { width, height: 800 }, colorScheme, locale });
    const { page, server, problems } = opened;
    await page.getByRole('button', { name: title }).click();
    const dialog = page.getByRole('dialog', { name: title });
    await dialog.locator('[name=api]').fill('unknown');
    await dialog.getByRole('button', { name: submit }).click();
    await dialog.getByText('There is no such API.').waitFor();
    expect(await findAccessibilityProblems(page)).toEqual([]);
    await dialog.locator('[name=api]').fill('');
    await dialog.locator('[name=code]').fill('230020');
    await dialog.locator('[name=times]').fill('2');
    await dialog.locator('[name=times]').press('Enter');
    await dialog.getByText(result).waitFor();
    expect(server.failures).toEqual([{ code: 230020, times: 2 }]);
    expect(await isWiderThanWindow(page)).toBe(false);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    // Chromium logs the rejected request.
    expect(problems.filter((problem) => !problem.includes('400'))).toEqual([]);
  });

  it('says why the chat is not available', async () => {
    await using server = await startPageServer(CHAT);
    await using opened = await openPage(browser, server.url);
    const { page } = opened;
    await page.route('**/_inspector/chat?', (route) =>
      route.fulfill({ status: 404, json: { message: 'There are app credentials in .env.' } }),
    );
    await page.goto(`${server.url}#chat`);
    await page.reload();
    await page.getByText('There are app credentials in .env.').waitFor();
  });

  it.each([
    [390, 'light', 'en-US'],
    [390, 'dark', 'zh-CN'],
    [820, 'light', 'zh-CN'],
    [820, 'dark', 'en-US'],
    [1440, 'light', 'en-US'],
    [1440, 'dark', 'zh-CN'],
  ] as const)('fits a window %i pixels wide and is accessible, %s, %s', async (width, colorScheme, locale) => {
    const options = { viewport: { width, height: 900 }, colorScheme, locale };
    await using opened = await openChat(CHAT, options, '#chat/oc_group');
    const { page, problems } = opened;
    expect(await page.getByRole('heading', { level: 2, name: 'Operations' }).isVisible()).toBe(true);
    expect(await isWiderThanWindow(page)).toBe(false);
    expect(await isHigherThanWindow(page)).toBe(false);
    expect(await findAccessibilityProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'Delete logs' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await findAccessibilityProblems(page)).toEqual([]);
    await page.keyboard.press('Escape');
    if (width < 700) {
      await page.getByRole('link', { name: /^← / }).click();
      await page.locator('.conversation').waitFor({ state: 'hidden' });
      expect(await isWiderThanWindow(page)).toBe(false);
      expect(await findAccessibilityProblems(page)).toEqual([]);
    }
    expect(problems).toEqual([]);
  });
});
