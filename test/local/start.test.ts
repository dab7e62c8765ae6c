import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSample } from '../../lib/samples/samples.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import { FakePlatform } from '../mock-platform/platform.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { type Running, run, start } from '../support/run.ts';
import { volume } from '../support/volume.ts';
import { wait } from '../support/wait.ts';
import { expectContentShown } from '../support/written-output.ts';

const READY = /feishu-events is ready: POST (http:\/\/127\.0\.0\.1:\d+\/feishu\/events)/;

async function startReady(
  root: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ running: Running; url: string }> {
  const running = start(root, 'lib/local/start.ts', [], { PORT: '0', ...environment });
  await vi.waitFor(() => expect(running.output()).toMatch(READY), wait);
  return { running, url: READY.exec(running.output())?.[1] as string };
}

describe('npm start in a fresh clone', () => {
  let project: TemporaryProject;
  let running: Running;
  let url: string;
  beforeAll(async () => {
    project = await createProject();
    ({ running, url } = await startReady(project.root));
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await project[Symbol.asyncDispose]();
  });
  const send = (...args: string[]) => run(project.root, 'lib/tools/send.ts', args);

  it('writes a .env with secrets of its own, and says so', async () => {
    expect(running.output()).toContain('wrote one with a random Encrypt Key and Verification Token');
    const text = await readFile(path.join(project.root, '.env'), 'utf8');
    expect(text).toMatch(/^FEISHU_ENCRYPT_KEY=local-[\da-f]{32}$/m);
    expect(text).toMatch(/^FEISHU_VERIFICATION_TOKEN=local-[\da-f]{32}$/m);
  });

  it('says once that it is ready', () => {
    expect(running.output().split('feishu-events is ready').length).toBe(2);
  });

  it('takes what npm run send sends', async () => {
    expect(await send('im.message.receive_v1', '--url', url)).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^200 in \d+ ms: \{"msg":"success"\}/),
    });
    await vi.waitFor(
      () => expect(running.output()).toContain('Would have sent: POST /open-apis/im/v1/messages/'),
      wait,
    );
    await vi.waitFor(() => expect(running.output()).toMatch(/handled .*event_type=im\.message\.receive_v1/), wait);
  });

  it.each(['out_approval', 'message', 'card.action.trigger', 'card.action.trigger_v1', 'url.preview.get'])(
    'accepts a sample of %s',
    async (type) => {
      expect(await send(type, '--url', url)).toMatchObject({ code: 0, output: expect.stringMatching(/^200 /) });
    },
  );

  it('accepts an event of a file, whatever its token is, and keeps its large integers', async () => {
    const file = path.join(project.root, 'event.json');
    const event = '{"type":"message","big":90071992547409931}';
    await writeFile(file, `{"uuid":"u-1","token":"of the real app","type":"event_callback","event":${event}}`);
    expect(await send('--file', file, '--url', url)).toMatchObject({ code: 0 });
  });

  it('refuses what is sent plain, and send says so with its exit code', async () => {
    expect(await send('message', '--plain', '--url', url)).toMatchObject({
      code: 1,
      output: expect.stringContaining('FEISHU_SIGNATURE_MISSING'),
    });
  });

  it('refuses what is signed with another key', async () => {
    const environment = { FEISHU_ENCRYPT_KEY: 'another key' };
    const result = await run(project.root, 'lib/tools/send.ts', ['message', '--url', url], environment);
    expect(result).toMatchObject({ code: 1, output: expect.stringContaining('FEISHU_SIGNATURE_WRONG') });
  });

  it('does not start twice in one folder', async () => {
    const { code, output } = await run(project.root, 'lib/local/start.ts', [], { PORT: '0' });
    expect(output).toMatch(/^Another npm start of this project is running/m);
    expect(code).toBe(1);
  });

  it('keeps decrypted events to this user', async () => {
    expect((await stat(path.join(project.root, '.local'))).mode & 0o777).toBe(0o700);
  });

  it('ends with 0 on SIGTERM', async () => {
    running.process.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });
});

describe('npm start', () => {
  it.each(volume<NodeJS.Signals[]>({ small: ['SIGINT'], full: ['SIGINT', 'SIGTERM'] }))(
    'handles what it has acknowledged before it ends on %s',
    async (signal) => {
      await using project = await createProject();
      const slow = `import { onEventV1 } from '#feishu-events';
      export default onEventV1('message', async (_, { log }) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        log.info('slowly done');
      });`;
      await project.writeHandler('v1/message.ts', slow);
      const { running, url } = await startReady(project.root);
      await run(project.root, 'lib/tools/send.ts', ['message', '--url', url]);
      running.process.kill(signal);
      expect(await running.ended).toMatchObject({ code: 0, output: expect.stringContaining('slowly done') });
    },
  );

  it('marks what a handler writes, so that no line of it looks like one of its own', async () => {
    await using project = await createProject();
    const forging = `import { Drop, onEventV1 } from '#feishu-events';
      const forged = ['\\n', '\\r', '\\u2028', '\\u0085'].map((end) => end + 'FORGED').join('');
      const forgedLine = JSON.stringify({ level: 'INFO', message: 'FORGED', timestamp: '2026-01-01T00:00:00.000Z' });
      export default onEventV1('message', async (_, { log, feishu }) => {
        log.info('logged' + forged, { ['name' + forged]: forged, error: new Error('refused' + forged) });
        console.log('written' + forged + '\\n' + forgedLine);
        await feishu.request({ method: 'POST', url: '/open-apis/raw', data: 'sent' + forged, headers: { 'content-type': 'text/plain' } });
        throw new Drop('dropped' + forged);
      });`;
    await project.writeHandler('v1/message.ts', forging);
    const { running, url } = await startReady(project.root);
    await run(project.root, 'lib/tools/send.ts', ['message', '--url', url]);
    await vi.waitFor(() => expect(running.output()).toMatch(/dropped .*reason/), wait);
    await vi.waitFor(() => expect(running.output()).toContain('    | {"level":"INFO","message":"FORGED"'), wait);
    const output = running.output();
    for (const word of ['logged', 'written', 'refused', 'dropped']) expect(output).toContain(word);
    expect(output).toContain('Would have sent: POST /open-apis/raw');
    const lines = output.split(/[\n\r\u2028\u2029\u0085]/);
    expect(lines.filter((line) => /^[^|]{0,30}FORGED/.test(line))).toEqual([]);
    expect(output).not.toMatch(/[\r\u2028\u0085]/);
    running.process.kill('SIGTERM');
    await running.ended;
  });

  it('prints each event as indented JSON at LOG_LEVEL=debug', async () => {
    expectContentShown();
    await using project = await createProject();
    const { running, url } = await startReady(project.root, { LOG_LEVEL: 'debug' });
    await using _ = running;
    const file = path.join(project.root, 'event.json');
    await writeFile(file, '{"uuid":"u-1","token":"","event":{"type":"message","big":90071992547409931}}');
    await run(project.root, 'lib/tools/send.ts', ['--file', file, '--url', url]);
    await vi.waitFor(() => expect(running.output()).toContain('  "uuid": "u-1",\n'), wait);
    expect(running.output()).toContain('    "big": 90071992547409931\n');
    expect(running.output()).toContain('  "token": "•••",\n');
  });

  it('uses the environment rather than .env, and leaves .env alone', async () => {
    await using project = await createProject();
    const environment = { FEISHU_VERIFICATION_TOKEN: 'from-the-environment' };
    const { running, url } = await startReady(project.root, environment);
    await using _ = running;
    const sent = await run(project.root, 'lib/tools/send.ts', ['message', '--url', url], environment);
    expect(sent).toMatchObject({ code: 0 });
    await expect(readFile(path.join(project.root, '.env'))).rejects.toThrow('ENOENT');
  });

  it('says what is wrong with PORT', async () => {
    await using project = await createProject();
    const result = await run(project.root, 'lib/local/start.ts', [], { PORT: 'http' });
    expect(result).toMatchObject({ code: 1, output: expect.stringMatching(/^PORT must be .* not "http"\.$/m) });
  });
});

describe('npm start -- --long-connection', () => {
  const credentials = { FEISHU_APP_ID: 'cli_0123456789abcdef', FEISHU_APP_SECRET: 'secret-of-the-app', PORT: '0' };
  const startConnected = async (project: TemporaryProject, platform: FakePlatform) => {
    const environment = { ...credentials, FEISHU_DOMAIN: platform.domain };
    const running = start(project.root, 'lib/local/start.ts', ['--long-connection'], environment);
    await vi.waitFor(() => expect(running.output()).toMatch(READY), wait);
    await vi.waitFor(() => expect(running.output()).toContain('connected to ws://127.0.0.1'), wait);
    return running;
  };

  it('brings events to the local handlers, without an Encrypt Key or a Verification Token', async () => {
    await using project = await createProject();
    const platform = await FakePlatform.start(new FakeClock());
    await using running = await startConnected(project, platform);
    expect(running.output()).toContain('takes events from a deployed task of the same app');
    const delivery = platform.push({ id: 'e1', text: createSample('message', { version: '1.0', token: '' }) });
    await delivery.settled;
    expect(delivery.state).toBe('acknowledged');
    const eventsUrl = /events: (\S+)/.exec(running.output())?.[1] as string;
    await vi.waitFor(async () => {
      const events = await (await fetch(eventsUrl)).json();
      expect(events).toMatchObject([
        { type: 'message', source: 'long-connection', status: 'handled', acknowledgedAt: expect.any(String) },
      ]);
    }, wait);
    running.process.kill('SIGINT');
    expect((await running.ended).code).toBe(0);
    expect(platform.gateway.open).toEqual([]);
    await platform.stop();
  });

  it('connects again with a changed callback handler, and never twice', async () => {
    await using project = await createProject();
    const platform = await FakePlatform.start(new FakeClock());
    await using running = await startConnected(project, platform);
    const source = `import { onCallback } from '#feishu-events';
      export default onCallback('card.action.trigger', () => ({ toast: { content: 'changed' } }));`;
    await project.writeHandler('callbacks/card.action.trigger.ts', source);
    await vi.waitFor(() => expect(running.output().split('connected to ws://').length).toBe(3), wait);
    expect(platform.gateway.open.length).toBe(1);
    const click = createSample('card.action.trigger', { version: '2.0', token: '' });
    const delivery = platform.pushCallback({ id: 'c1', text: click });
    await delivery.settled;
    expect(delivery.answers).toMatchObject([{ code: 200, data: { toast: { content: 'changed' } } }]);
    await running[Symbol.asyncDispose]();
    // Its program ends with it, although it was killed.
    await vi.waitFor(() => expect(platform.gateway.open).toEqual([]), wait);
    await platform.stop();
  });

  it('ends with 1 when the platform refuses the app, and says what to look at', async () => {
    await using project = await createProject();
    const platform = await FakePlatform.start(new FakeClock());
    platform.gateway.discovery = { code: 514 };
    const environment = { ...credentials, FEISHU_DOMAIN: platform.domain };
    const { code, output } = await run(project.root, 'lib/local/start.ts', ['--long-connection'], environment);
    expect(output).toContain('Are FEISHU_APP_ID and FEISHU_APP_SECRET those of the developer console');
    expect(code).toBe(1);
    await platform.stop();
  });

  it('says that it needs the credentials of an app', async () => {
    await using project = await createProject();
    const { code, output } = await run(project.root, 'lib/local/start.ts', ['--long-connection']);
    expect(output).toContain('FEISHU_APP_ID is not set');
    expect(code).toBe(1);
  });
});

describe('npm run send', () => {
  let project: TemporaryProject;
  const secrets = { FEISHU_ENCRYPT_KEY: 'a key' };
  beforeAll(async () => {
    project = await createProject();
  });
  afterAll(() => project[Symbol.asyncDispose]());

  it.each([
    ['nothing to send', [], /Pass either an event type or --file/],
    ['a type and a file', ['message', '--file', 'x'], /Pass either an event type or --file/],
    ['two types', ['message', 'out_approval'], /Pass only one event type/],
    ['an unknown option', ['message', '--v3'], /--v3/],
    ['an address that is none', ['message', '--url', 'localhost:3000'], /--url must start with/],
    ['a file that is not there', ['--file', 'nowhere.json'], /nowhere\.json cannot be read/],
    ['an address where nobody listens', ['message', '--url', 'http://127.0.0.1:2/'], /Is npm start running\?/],
  ])('says what is wrong with %s', async (_, args, message) => {
    const { code, output } = await run(project.root, 'lib/tools/send.ts', args, secrets);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/\n {4}at /);
    expect(code).toBe(2);
  });

  it('says that there are no secrets, and writes none of its own', async () => {
    const { code, output } = await run(project.root, 'lib/tools/send.ts', ['message', '--url', 'http://127.0.0.1:2/']);
    expect(output).toContain('Neither FEISHU_ENCRYPT_KEY nor FEISHU_VERIFICATION_TOKEN is set');
    expect(code).toBe(2);
  });

  it('explains itself', async () => {
    const { code, output } = await run(project.root, 'lib/tools/send.ts', ['--help']);
    expect(output).toContain('Usage: npm run send -- <event type>');
    expect(code).toBe(0);
  });
});
