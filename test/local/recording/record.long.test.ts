import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import handler from '../../../functions/handlers/v2/im.message.receive_v1.ts';
import { parseEnvelope } from '../../../lib/feishu/envelope.ts';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { createSample, textMessage } from '../../../lib/samples/samples.ts';
import { run as runHandler } from '../../../lib/testing/run.ts';
import { deliver } from '../../support/deliver.ts';
import { npmStart } from '../../support/npm-start.ts';
import { createProject, type TemporaryProject } from '../../support/project.ts';
import { type Running, run } from '../../support/run.ts';
import { encryptKey, verificationToken } from '../../support/secrets.ts';
import { wait } from '../../support/wait.ts';

const secrets = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: verificationToken };
const MESSAGE = /T\d{6}(\.\d+)?Z-im\.message\.receive_v1-[\da-f]{8}\.json$/;

const startRecording = (root: string, ...args: string[]) => npmStart(root, secrets, ['--record', ...args]);

const deliverText = (url: string, text: string) => deliver(url, writeRequest(text, { encryptKey }, Date.now()));
const message = (text: string) =>
  createSample('im.message.receive_v1', { version: '2.0', token: verificationToken, event: textMessage(text) });

describe('npm start -- --record', () => {
  const first = message('Ring Anna');
  let project: TemporaryProject;
  let running: Running;
  let url: string;
  let folder: string;
  beforeAll(async () => {
    project = await createProject();
    folder = path.join(project.root, '.recorded');
    ({ running, webhookUrl: url } = await startRecording(project.root));
    await deliverText(url, first);
    // The platform delivers it twice.
    await deliverText(url, first);
    await deliverText(url, message('and Tom'));
    await deliverText(url, createSample('card.action.trigger', { version: '2.0', token: verificationToken }));
    await vi.waitFor(async () => expect(await readdir(folder)).toHaveLength(3), wait);
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await project[Symbol.asyncDispose]();
  });
  const read = async () => {
    const names = (await readdir(folder)).toSorted();
    return Promise.all(names.map(async (name) => ({ name, text: await readFile(path.join(folder, name), 'utf8') })));
  };
  const messages = async () => (await read()).filter(({ name }) => MESSAGE.test(name));

  it('records each event and callback once, and reports it', async () => {
    expect(await messages()).toHaveLength(2);
    expect(running.output()).toContain('Recording events to .recorded. Ids, names and texts are replaced.');
    expect(running.output().match(/^Recorded \.recorded\//gm)).toHaveLength(3);
  });

  it('writes no secret, id or word of a message to disk', async () => {
    const { event, header } = JSON.parse(first);
    const { sender, message } = event;
    const originals = [encryptKey, verificationToken, ...Object.values(sender.sender_id), sender.tenant_key];
    originals.push(message.message_id, message.chat_id, header.event_id, header.app_id, 'Ring', 'Anna', 'Tom');
    for (const { text } of await read()) {
      expect(originals.filter((original) => text.includes(String(original)))).toEqual([]);
    }
  });

  it('replaces a value in the same way in all files', async () => {
    const [one, other] = (await messages()).map(({ text }) => JSON.parse(text));
    expect(one.event.sender).toEqual(other.event.sender);
    expect(one.event.message.chat_id).toBe(other.event.message.chat_id);
    expect(one.event.message.message_id).not.toBe(other.event.message.message_id);
  });

  it('stores the key of the replacements elsewhere, readable only by its owner', async () => {
    const keyFile = path.join(project.root, '.local/recording-key');
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    const key = await readFile(keyFile, 'utf8');
    expect((await read()).filter(({ text }) => text.includes(key))).toEqual([]);
  });

  it('writes files that a test can run', async () => {
    const [recorded] = await messages();
    const { event } = parseEnvelope(recorded?.text ?? '') as { event: Record<string, unknown> };
    const { outcome, calls } = await runHandler(handler, recorded?.text ?? '');
    expect(outcome).toBe('handled');
    expect(calls).toEqual([
      {
        name: 'im.message.reply',
        payload: expect.objectContaining({
          path: { message_id: (event.message as { message_id: string }).message_id },
        }),
      },
    ]);
  });

  it('writes files that npm run send can send, with new ids on request', async () => {
    const [recorded] = await messages();
    const file = path.join(folder, recorded?.name ?? '');
    const { header } = parseEnvelope(recorded?.text ?? '') as { header: { id: string } };
    const send = (...args: string[]) =>
      run(project.root, 'lib/tools/send.ts', ['--file', file, '--url', url, ...args], secrets);
    const events = async () =>
      (await (await fetch(new URL('/_events', url))).json()) as { id: string; type: string; status: string }[];
    const expectStatuses = (id: string, ...statuses: string[]) =>
      vi.waitFor(async () => {
        const found = (await events()).filter((event) => event.id === id);
        expect(found.map(({ status }) => status).toSorted()).toEqual(statuses);
      }, wait);

    expect(await send()).toMatchObject({ code: 0 });
    await expectStatuses(header.id, 'handled');
    expect(await send()).toMatchObject({ code: 0 });
    await expectStatuses(header.id, 'duplicate', 'handled');
    const known = (await events()).map(({ id }) => id);
    expect(await send('--again')).toMatchObject({ code: 0 });
    await vi.waitFor(async () => {
      const again = (await events()).filter(({ id }) => !known.includes(id));
      expect(again).toMatchObject([{ type: 'im.message.receive_v1', status: 'handled' }]);
    }, wait);
  });
});

describe('npm start -- --record <folder> --keep-text', () => {
  it('keeps texts, and warns about it', async () => {
    await using project = await createProject();
    const { running, webhookUrl: url } = await startRecording(project.root, 'conversation', '--keep-text');
    await using _ = running;
    await deliverText(url, message('Ring Anna'));
    const folder = path.join(project.root, 'conversation');
    await vi.waitFor(async () => expect(await readdir(folder)).toHaveLength(1), wait);
    const [name = ''] = await readdir(folder);
    expect(await readFile(path.join(folder, name), 'utf8')).toContain('Ring Anna');
    expect(running.output()).toContain('texts are not: keep the files private');
    // Only this user can read the recordings and the stored events.
    const modeOf = async (file: string) => (await stat(path.join(project.root, file))).mode & 0o777;
    expect(await modeOf('conversation')).toBe(0o700);
    expect(await modeOf(`conversation/${name}`)).toBe(0o600);
    expect(await modeOf('.local')).toBe(0o700);
  });
});

describe('npm start', () => {
  it.each([
    ['a folder without --record', ['here'], /requires --record/],
    ['--keep-text without --record', ['--keep-text'], /requires --record/],
    ['two folders', ['--record', 'here', 'there'], /Too many arguments: here there\./],
  ])('rejects %s', async (_, args, problem) => {
    await using project = await createProject();
    const { code, output } = await run(project.root, 'lib/local/start.ts', args, secrets);
    expect(output).toMatch(problem);
    expect(code).toBe(1);
  });
});
