import { once } from 'node:events';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Stack } from '../../lib/local/stack.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { PROJECT_ROOT } from '../support/project.ts';
import { run } from '../support/run.ts';
import { wait } from '../support/wait.ts';

const secrets = { FEISHU_ENCRYPT_KEY: 'the key', FEISHU_VERIFICATION_TOKEN: 'the token' };

let stack: Stack;
beforeAll(async () => {
  stack = await startLocalStack({ environment: { ...secrets, LOG_LEVEL: 'WARN' } });
});
afterAll(() => stack.stop());

/** Sends until the event is queued in time: a busy machine may be too slow, which the webhook reports with 503. */
async function sendUntilQueued(args: string[]) {
  for (;;) {
    const result = await sendTo(stack.webhookUrl, args);
    if (!result.output.includes(' 503')) return result;
  }
}

const send = (args: string[], environment: NodeJS.ProcessEnv = {}) =>
  run(PROJECT_ROOT, 'lib/tools/send.ts', args, { ...secrets, ...environment });
const sendTo = (url: string, args: string[], environment: NodeJS.ProcessEnv = {}) =>
  send([...args, '--url', url], environment);

/** Runs a test with a server that is not part of this project. */
async function withServer(listener: RequestListener, test: (url: string) => Promise<void>): Promise<void> {
  await using server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await test(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

describe('npm run send', () => {
  it('sends the requested variant', async () => {
    expect(await sendUntilQueued(['im.message.receive_v1', '--as', 'image'])).toMatchObject({ code: 0 });
    // This repository's echo handler replies only to text, and names the type of other messages.
    await vi.waitFor(() => expect(stack.events().at(-1)?.lastError).toContain('not image'), wait);
  });

  it('lists the variants if the requested one does not exist', async () => {
    const { code, output } = await sendTo(stack.webhookUrl, ['im.message.receive_v1', '--as', 'picture']);
    expect(output).toMatch(/^There is no sample "picture" of im\.message\.receive_v1\. Choose one of: text, .*image/);
    expect(code).toBe(2);
  });

  it('does not use a proxy to send to this machine', async () => {
    // Nothing listens at the proxy's address.
    const environment = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: 'http://127.0.0.1:1', ALL_PROXY: 'http://127.0.0.1:1' };
    await withServer(
      (_, response) => response.end('{"msg":"success"}'),
      async (url) => expect(await sendTo(url, ['out_approval'], environment)).toMatchObject({ code: 0 }),
    );
  });

  it('suggests the correct spelling of a type, and sends nothing', async () => {
    const before = stack.events().length;
    const { code, output } = await sendTo(stack.webhookUrl, ['im.message.recieve_v1']);
    expect(output).toContain('Did you mean im.message.receive_v1?');
    expect(code).toBe(2);
    expect(stack.events()).toHaveLength(before);
  });

  it.each([
    ['{"a":', /is not valid JSON: /],
    ['', /is not valid JSON: /],
    ['{"a":1}', /does not contain an event: v2\.0 events have "schema"/],
    ['[]', /does not contain an event: /],
  ])('names a file that contains %j and explains what is wrong with it', async (text, message) => {
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-send-'));
    const file = path.join(folder.path, 'event.json');
    await writeFile(file, text);
    const { code, output } = await sendTo(stack.webhookUrl, ['--file', file]);
    expect(output).toContain(file);
    expect(output).toMatch(message);
    expect(code).toBe(2);
  });

  it('lists the event types', async () => {
    expect(await send(['--list', 'im.message.reaction'])).toEqual({
      code: 0,
      output: 'v2.0 events\n  im.message.reaction.created_v1\n  im.message.reaction.deleted_v1\n',
    });
    expect(await send(['--list', 'nowhere'])).toEqual({
      code: 1,
      output: 'No event type contains "nowhere".\n',
    });
  });

  it.each([
    ['another Encrypt Key', { FEISHU_ENCRYPT_KEY: 'another' }, [], 'FEISHU_SIGNATURE_WRONG', 'restart it'],
    ['another Verification Token', { FEISHU_VERIFICATION_TOKEN: 'another' }, [], 'FEISHU_TOKEN_WRONG', 'restart it'],
    ['no Encrypt Key', { FEISHU_ENCRYPT_KEY: '' }, [], 'FEISHU_SIGNATURE_MISSING', 'set FEISHU_ENCRYPT_KEY'],
    ['--plain', {}, ['--plain'], 'FEISHU_SIGNATURE_MISSING', 'remove --plain'],
  ])('explains what to do about %s', async (_, environment, args, errorCode, advice) => {
    const { code, output } = await sendTo(stack.webhookUrl, ['message', ...args], environment);
    expect(output).toMatch(new RegExp(`^401 in \\d+ ms: .*${errorCode}`));
    expect(output).toContain(advice);
    expect(code).toBe(1);
  });

  it('explains that the path is wrong', async () => {
    const { code, output } = await sendTo(stack.webhookUrl.replace('events', 'event'), ['message']);
    expect(output).toMatch(/^404 [\s\S]*Check the URL: .* path is \/feishu\/events\./);
    expect(code).toBe(1);
  });

  it('does not accept a 200 from another server', async () => {
    await withServer(
      (_, response) => response.end('<p>Welcome</p>'),
      async (url) => {
        const { code, output } = await sendTo(url, ['message']);
        expect(output).toMatch(/^200 [\s\S]*not the response of this project's webhook/);
        expect(code).toBe(1);
      },
    );
  });

  it('does not follow redirects', async () => {
    const requests: string[] = [];
    const redirect: RequestListener = ({ method, url }, response) => {
      requests.push(`${method} ${url}`);
      response.writeHead(302, { location: '/elsewhere' }).end();
    };
    await withServer(redirect, async (url) => {
      const { code, output } = await sendTo(url, ['message']);
      expect(output).toContain('the platform does not follow redirects');
      expect(code).toBe(1);
    });
    expect(requests).toEqual(['POST /']);
  });

  it('explains where to look if the receiver fails', async () => {
    await withServer(
      (_, response) => response.writeHead(502).end('Bad Gateway'),
      async (url) => {
        const { code, output } = await sendTo(url, ['message']);
        expect(output).toContain('Check its log');
        expect(code).toBe(1);
      },
    );
  });
});
