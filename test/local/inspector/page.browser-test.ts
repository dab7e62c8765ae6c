import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readLocalEnvironment } from '../../../lib/cli/environment.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import type { EventRecord } from '../../../lib/local/inspector/wire.ts';
import { isWiderThanWindow, launchBrowser, openPage } from './browser.ts';
import { type RunningStack, startStack } from './running-stack.ts';

const CHAT_UPDATED = 'im.chat.updated_v1';
const handlerWith = (statement: string) => `import { onEvent, RetryAfter } from '#feishu-events';

export default onEvent('${CHAT_UPDATED}', (event, { log }) => {
  log.info('A chat has changed');
  ${statement}
});
`;
const FAILS = "if (event.chat_id) throw new Error('The database is down');";
const FAILS_UNTIL_DEAD = "throw new RetryAfter(0, 'The database is down');";
const FAILS_FOR_AN_HOUR = "throw new RetryAfter(3600, 'The database is down');";
const SUCCEEDS = 'void [event, RetryAfter];';
const longTimeout = { timeout: 180_000 };

let browser: Browser;
let stack: RunningStack;

beforeAll(async () => {
  [browser, stack] = await Promise.all([
    launchBrowser(),
    startStack({ [`v2/${CHAT_UPDATED}.ts`]: handlerWith(SUCCEEDS) }),
  ]);
});
afterAll(async () => {
  await browser.close();
  await stack[Symbol.asyncDispose]();
});

const rows = (page: Page) => page.getByRole('listbox', { name: /^Events|^事件/ }).getByRole('option');
const detail = (page: Page) => page.locator('section.detail');
const waitForText = (locator: Locator, text: string) => locator.filter({ hasText: text }).first().waitFor(longTimeout);

/** Runs an action that causes an event, and returns that event's row. */
async function rowOf(page: Page, causeEvent: () => Promise<void>): Promise<Locator> {
  const listEvents = async () => (await (await fetch(`${stack.pageUrl}_events`)).json()) as EventRecord[];
  const countBefore = (await listEvents()).length;
  await causeEvent();
  await expect.poll(async () => (await listEvents()).length, longTimeout).toBeGreaterThan(countBefore);
  return page.locator(`[id="event-${(await listEvents())[countBefore]?.messageId}"]`);
}

function sendSample(page: Page, type: string): Promise<Locator> {
  return rowOf(page, async () => {
    await page.getByRole('combobox', { name: 'Event type' }).fill(type);
    await page.getByRole('button', { name: 'Send', exact: true }).click();
  });
}

/** Changes the handler and waits until it is reloaded. */
async function changeHandler(statement: string): Promise<void> {
  const countReloads = () => stack.output().split('functions reloaded').length;
  const before = countReloads();
  await stack.writeHandler(`v2/${CHAT_UPDATED}.ts`, handlerWith(statement));
  await vi.waitFor(() => {
    if (countReloads() === before) throw new Error(`The functions were not reloaded:\n${stack.output()}`);
  }, longTimeout);
}

describe('The inspector page', () => {
  it('sends a sample and shows its status, content and logs', async () => {
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const row = await sendSample(page, 'im.message.receive_v1');
    await waitForText(row, 'handled');
    await row.click();
    await waitForText(detail(page), 'Replying to a message');
    const text = await detail(page).innerText();
    expect(text).toContain('"event_type": "im.message.receive_v1"');
    expect(text).toContain('"token": "•••"');
    expect(await page.getByRole('status').innerText()).toContain('response 200');
    expect(opened.problems).toEqual([]);
  });

  it('shows a handler error with its position in the source, then a successful retry after the fix', async () => {
    await changeHandler(FAILS);
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const row = await sendSample(page, CHAT_UPDATED);
    await waitForText(row, 'retrying');
    await row.click();
    await waitForText(detail(page), 'The database is down');
    await waitForText(page.locator('.frame-own'), `functions/handlers/v2/${CHAT_UPDATED}.ts:5`);
    await changeHandler(SUCCEEDS);
    await waitForText(row, 'handled');
    await waitForText(detail(page), 'Error from an earlier attempt');
    expect(opened.problems).toEqual([]);
  });

  it('shows the attempts at an event and when the next one starts, and retries at once', async () => {
    await changeHandler(FAILS_FOR_AN_HOUR);
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const row = await sendSample(page, CHAT_UPDATED);
    await waitForText(row, 'retrying');
    await row.click();
    const attempts = page.getByRole('region', { name: 'Attempts' }).getByRole('listitem');
    await waitForText(attempts.nth(0), 'failed');
    await waitForText(attempts.nth(1), 'next attempt');
    await changeHandler(SUCCEEDS);
    await page.getByRole('button', { name: 'Retry now' }).click();
    await waitForText(row, 'handled');
    await waitForText(attempts.nth(1), 'handled');
    expect(await attempts.count()).toBe(2);
    expect(await page.getByRole('button', { name: 'Retry now' }).count()).toBe(0);
    expect(opened.problems).toEqual([]);
  });

  it('redrives an event from the dead-letter queue', async () => {
    await changeHandler(FAILS_UNTIL_DEAD);
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const row = await sendSample(page, CHAT_UPDATED);
    await waitForText(row, 'dead');
    await row.click();
    expect(await detail(page).innerText()).toContain('RetryAfter: The database is down');
    await changeHandler(SUCCEEDS);
    // The redriven copy is a separate message.
    const copy = await rowOf(page, () => page.getByRole('button', { name: 'Redrive', exact: true }).click());
    await waitForText(page.getByRole('status'), '1 event moved back');
    await waitForText(copy, 'handled');
    await waitForText(row, 'redriven');
    await page.getByRole('button', { name: /^Redriven as/ }).click();
    await page.getByRole('button', { name: /^Redrive of/ }).waitFor();
    expect(opened.problems).toEqual([]);
  });

  it('filters events by status, type and error', async () => {
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    await waitForText(await sendSample(page, 'out_approval'), 'out_approval');
    const all = await rows(page).count();
    expect(all).toBeGreaterThan(3);
    await page.getByRole('searchbox').fill('approval');
    await expect.poll(() => rows(page).count(), longTimeout).toBe(1);
    await page.getByRole('searchbox').fill('database down');
    await expect
      .poll(async () => (await rows(page).allInnerTexts()).every((text) => text.includes(CHAT_UPDATED)))
      .toBe(true);
    await page.getByRole('searchbox').fill('no such event');
    await page.getByText('No matching events').waitFor();
    await page.getByRole('searchbox').fill('');
    await page.getByRole('combobox', { name: 'Status' }).selectOption('redriven');
    await expect.poll(() => rows(page).count(), longTimeout).toBe(1);
    expect(opened.problems).toEqual([]);
  });

  it('distinguishes events without a handler from answered callbacks, and shows the reason', async () => {
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const unhandled = await sendSample(page, 'im.chat.disbanded_v1');
    await waitForText(unhandled, 'unhandled');
    await unhandled.click();
    await page.getByRole('heading', { name: 'Reason' }).waitFor();
    await page.getByText('add functions/handlers/v2/im.chat.disbanded_v1.ts').waitFor();
    await waitForText(await sendSample(page, 'url.preview.get'), 'answered');
    await page.getByRole('combobox', { name: 'Status' }).selectOption('unhandled');
    await expect.poll(() => rows(page).count(), longTimeout).toBe(1);
    expect(opened.problems).toEqual([]);
  });

  it.each([
    ['en-US', '1 rejected', 'rejected', 'What to do', 'correct .env', 'docs/error-codes.md#feishu_signature_wrong'],
    [
      'zh-CN',
      '1 个请求被拒绝',
      '已拒绝',
      '解决办法',
      '检查并改正 .env',
      'docs/zh-CN/error-codes.md#feishu_signature_wrong',
    ],
  ])(
    'shows a rejected request with its reason and advice, in %s',
    async (locale, count, status, title, advice, guide) => {
      await using opened = await openPage(browser, stack.pageUrl, { locale });
      const { page } = opened;
      await rows(page).first().waitFor();
      if (locale === 'en-US') {
        const request = writeRequest('{"a body":1}', { encryptKey: 'the key of another app' }, Date.now());
        await rowOf(
          page,
          async () => void (await fetch(`${stack.pageUrl}feishu/events`, { method: 'POST', ...request })),
        );
      }
      await waitForText(page.locator('.summary'), count);
      await page.getByRole('combobox', { name: /^(Status|状态)$/ }).selectOption('rejected');
      await expect.poll(() => rows(page).count(), longTimeout).toBe(1);
      await waitForText(rows(page).first(), status);
      await page.locator('#events').focus();
      await page.keyboard.press('Home');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 2, name: 'FEISHU_SIGNATURE_WRONG' }).waitFor();
      await page.getByRole('heading', { name: title }).waitFor();
      const text = await detail(page).innerText();
      expect(text).toContain('X-Lark-Signature does not match the body. Is FEISHU_ENCRYPT_KEY the value');
      expect(text).toContain(advice);
      expect(text).toContain(guide);
      // There is nothing to send again.
      expect(await detail(page).getByRole('button').filter({ visible: true }).count()).toBe(0);
      expect(opened.problems).toEqual([]);
    },
  );

  it('shows an event with an unknown envelope as such, with the reason', async () => {
    const environment = await readLocalEnvironment(stack.root, {});
    const secret = { encryptKey: environment.FEISHU_ENCRYPT_KEY as string };
    for (const [locale, title] of [
      ['en-US', 'Event with an unknown envelope'],
      ['zh-CN', '外层格式未知的事件'],
    ] as const) {
      await using opened = await openPage(browser, stack.pageUrl, { locale });
      const { page } = opened;
      const row = await rowOf(page, async () => {
        const request = writeRequest('{"schema":"3.0"}', secret, Date.now());
        expect((await fetch(`${stack.pageUrl}feishu/events`, { method: 'POST', ...request })).status).toBe(200);
      });
      await waitForText(row, title);
      await row.click();
      await page.getByRole('heading', { name: /^(Reason|原因)$/ }).waitFor();
      const text = await detail(page).innerText();
      expect(text).toContain('The body is not a known kind of event');
      expect(text).toContain('error-codes.md#feishu_envelope_unknown');
      expect(await page.getByRole('button', { name: /Send again|Edit and send|重新发送|编辑后发送/ }).count()).toBe(0);
      expect(opened.problems).toEqual([]);
    }
  });

  it('sends an event again, which is skipped, and an edited copy, which is handled', async () => {
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const row = await sendSample(page, 'im.message.receive_v1');
    await waitForText(row, 'handled');
    await row.click();
    const again = await rowOf(page, () => page.getByRole('button', { name: 'Send again' }).click());
    await waitForText(again, 'duplicate');
    await page.getByRole('button', { name: /^Sent again at/ }).click();
    await waitForText(page.locator('.detail .status').first(), 'duplicate');
    await page.getByRole('button', { name: /^Copy of the delivery at/ }).click();
    await waitForText(page.locator('.detail .status').first(), 'handled');
    await page.getByRole('button', { name: 'Edit and send' }).click();
    const editor = page.getByRole('dialog').getByRole('textbox');
    await editor.fill('{ "no": ');
    await page.getByText('Not valid JSON').waitFor();
    expect(await page.getByRole('dialog').getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Edit and send' }).click();
    await editor.fill((await editor.inputValue()).replace('Hello', 'A changed text'));
    const changed = await rowOf(page, () => editor.press('Control+Enter'));
    await waitForText(changed, 'handled');
    await changed.click();
    await waitForText(detail(page), 'A changed text');
    expect(opened.problems).toEqual([]);
  });

  it('saves an event as a fixture, and says where', async () => {
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const row = await sendSample(page, 'im.message.receive_v1');
    await row.click();
    await page.getByRole('button', { name: 'Save as fixture' }).click();
    await page.getByText(/^Saved test\/fixtures\/.*\.json$/).waitFor();
    const [, name = ''] = /test\/fixtures\/(.*)/.exec(await page.locator('.notice').innerText()) ?? [];
    expect(await readdir(path.join(stack.root, 'test/fixtures'))).toEqual([name]);
    await page.getByRole('button', { name: 'Save as fixture' }).click();
    await page.getByText(`Already saved: test/fixtures/${name}`).waitFor();
    expect(opened.problems).toEqual([]);
  });

  it('can be used with only the keyboard', async () => {
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const focusOn = async (name: string) => {
      for (let presses = 0; presses < 20; presses += 1) {
        const isFocused = await page.evaluate(
          `(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '').trim() === ${JSON.stringify(name)}`,
        );
        if (isFocused) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`Tab does not reach "${name}"`);
    };
    await focusOn('Event type');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('message');
    const row = await rowOf(page, () => page.keyboard.press('Enter'));
    await waitForText(row, 'handled');
    await focusOn('Events, newest first');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await waitForText(page.getByRole('heading', { level: 2 }), 'message');
    await focusOn('Send again');
    await waitForText(await rowOf(page, () => page.keyboard.press('Enter')), 'duplicate');
    await page.keyboard.press('Escape');
    await page.waitForFunction("document.activeElement?.getAttribute('aria-label') === 'Events, newest first'");
    expect(opened.problems).toEqual([]);
  });

  it('is in Chinese if the browser is', async () => {
    await using opened = await openPage(browser, stack.pageUrl, { locale: 'zh-CN' });
    const { page } = opened;
    await page.getByRole('button', { name: '发送', exact: true }).waitFor();
    await waitForText(rows(page).first(), '重复');
    expect(await page.evaluate('document.documentElement.lang')).toMatch(/^zh/);
    expect(opened.problems).toEqual([]);
  });

  it.each([390, 820, 1280])('fits a window %i pixels wide, in light and dark mode', async (width) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await using opened = await openPage(browser, stack.pageUrl, { viewport: { width, height: 800 }, colorScheme });
      const { page } = opened;
      await rows(page).first().waitFor();
      expect(await isWiderThanWindow(page)).toBe(false);
      await rows(page).first().click();
      await detail(page).getByRole('heading', { level: 2 }).waitFor();
      expect(await isWiderThanWindow(page)).toBe(false);
      const [list, detailBox] = await Promise.all([
        page.locator('section.events').boundingBox(),
        detail(page).boundingBox(),
      ]);
      // Either side by side, or only one is visible. They never overlap.
      if (list !== null && detailBox !== null) expect(list.x + list.width).toBeLessThanOrEqual(detailBox.x + 1);
      const background = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
      const brightness = Math.max(...(String(background).match(/\d+/g) ?? []).slice(0, 3).map(Number));
      if (colorScheme === 'dark') expect(brightness).toBeLessThan(64);
      else expect(brightness).toBeGreaterThan(192);
      expect(opened.problems).toEqual([]);
    }
  });

  it('shows that npm start is unreachable, replacing earlier notices', async () => {
    await using other = await startStack();
    await using opened = await openPage(browser, other.pageUrl);
    const { page } = opened;
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await waitForText(page.getByRole('status'), 'response 200');
    other.stop();
    await waitForText(page.getByRole('status'), 'Cannot reach npm start');
  });

  it('shows build errors as text while the previous version runs, until the build succeeds', async () => {
    const helper = 'callbacks/url.preview.get.ts';
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const banner = page.getByRole('alert');
    const { length: before } = stack.output();
    await stack.writeHandler(`v2/${CHAT_UPDATED}.ts`, '"<img src=x onerror=alert(1)>" oops');
    await waitForText(banner, 'Expected ";" but found "oops"');
    expect(await banner.innerText()).toContain(`functions/handlers/v2/${CHAT_UPDATED}.ts:1:31`);
    expect(await banner.innerText()).toContain(`Handler: v2/${CHAT_UPDATED}`);
    expect(await banner.innerText()).toContain('The previous version of the functions keeps running.');
    await waitForText(await sendSample(page, CHAT_UPDATED), 'handled');
    // A page that is opened later shows it too.
    await using chinese = await openPage(browser, stack.pageUrl, { locale: 'zh-CN' });
    await waitForText(chinese.page.getByRole('alert'), '构建失败');
    await waitForText(chinese.page.getByRole('alert'), `受影响的处理函数：v2/${CHAT_UPDATED}`);
    // The error text quotes the import.
    await stack.writeHandler(helper, "import '<img src=x onerror=alert(1)>';");
    await waitForText(banner, 'Could not resolve "<img src=x onerror=alert(1)>"');
    expect(await banner.locator('img').count()).toBe(0);
    await stack.writeHandler(
      helper,
      "import { onCallback } from '#feishu-events'; export default onCallback('url.preview.get', () => ({}));",
    );
    await expect.poll(() => banner.getByRole('listitem').count(), longTimeout).toBe(1);
    await changeHandler(SUCCEEDS);
    await banner.waitFor({ state: 'detached', ...longTimeout });
    await chinese.page.getByRole('alert').waitFor({ state: 'detached', ...longTimeout });
    const failures = stack.output().slice(before).split('Build failed').slice(1);
    // A build that runs while the handler is saved can report its error once more.
    const reported = new Set(failures.map((text) => /functions\/handlers\/(\S+?):/.exec(text)?.[1]));
    expect([...reported]).toEqual([`v2/${CHAT_UPDATED}.ts`, helper]);
    expect([...opened.problems, ...chinese.problems]).toEqual([]);
  });

  it.each([390, 820, 1440])(
    'fits a failed build into a window %i pixels wide, in light and dark mode',
    async (width) => {
      const imports = Array.from({ length: 30 }, (_, index) => `import './${'a-long-name-'.repeat(8)}${index}.ts';`);
      await stack.writeHandler(`v2/${CHAT_UPDATED}.ts`, imports.join('\n'));
      for (const colorScheme of ['light', 'dark'] as const) {
        await using opened = await openPage(browser, stack.pageUrl, { viewport: { width, height: 800 }, colorScheme });
        const { page } = opened;
        await waitForText(page.getByRole('alert'), '… and 11 more errors');
        await rows(page).first().waitFor();
        expect(await isWiderThanWindow(page)).toBe(false);
        const [banner, list] = await Promise.all([
          page.getByRole('alert').boundingBox(),
          page.locator('#events').boundingBox(),
        ]);
        expect(banner?.height).toBeLessThanOrEqual(320);
        expect(list?.height).toBeGreaterThan(100);
        await page.getByRole('alert').focus();
        await page.keyboard.press('End');
        await page.getByText('… and 11 more errors').isVisible();
        expect(opened.problems).toEqual([]);
      }
      await changeHandler(SUCCEEDS);
    },
  );

  it('stays usable while 1,000 events arrive', async () => {
    await using opened = await openPage(browser, stack.pageUrl);
    const { page } = opened;
    const sending = page.evaluate(`(async () => {
      const body = JSON.stringify({ kind: 'sample', type: 'message' });
      const send = () => fetch('/_inspector/send', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      for (let sent = 0; sent < 1000; sent += 20) await Promise.all(Array.from({ length: 20 }, send));
    })()`);
    await page.getByRole('searchbox').fill('message');
    await sending;
    await expect.poll(() => page.locator('.summary').innerText(), longTimeout).toMatch(/1,?\d{3} of 1,?\d{3} events/);
    expect(await rows(page).count()).toBeLessThan(60);
    await page.locator('#events').press('End');
    await page.locator('#events').press('Enter');
    await detail(page).getByRole('heading', { level: 2 }).waitFor();
    expect(opened.problems).toEqual([]);
  }, 120_000);
});
