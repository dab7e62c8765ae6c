import { readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { npmStart } from '../support/npm-start.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { type Running, run } from '../support/run.ts';
import { wait } from '../support/wait.ts';
import { expectContentShown } from '../support/written-output.ts';

describe('npm start in a fresh clone', () => {
  let project: TemporaryProject;
  let running: Running;
  let url: string;
  beforeAll(async () => {
    project = await createProject();
    ({ running, webhookUrl: url } = await npmStart(project.root));
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await project[Symbol.asyncDispose]();
  });
  const send = (...args: string[]) => run(project.root, 'lib/tools/send.ts', args);

  it('creates a .env with random secrets, and reports it', async () => {
    expect(running.output()).toContain('Created .env with a random Encrypt Key and Verification Token');
    const text = await readFile(path.join(project.root, '.env'), 'utf8');
    expect(text).toMatch(/^FEISHU_ENCRYPT_KEY=local-[\da-f]{32}$/m);
    expect(text).toMatch(/^FEISHU_VERIFICATION_TOKEN=local-[\da-f]{32}$/m);
  });

  it('prints once that it is ready', () => {
    expect(running.output().split('feishu-events is ready').length).toBe(2);
  });

  it('accepts an event from npm run send', async () => {
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

  it('prints one line for an event without a log line of a handler, with type, outcome and duration', async () => {
    const file = path.join(project.root, 'event.json');
    await writeFile(file, '{"uuid":"u-0","event":{"type":"has.no.handler"}}');
    await send('--file', file, '--url', url);
    const linesOf = () =>
      running
        .output()
        .split('\n')
        .filter((line) => line.includes('event_type=has.no.handler'));
    await vi.waitFor(() => expect(linesOf()).toHaveLength(1), wait);
    expect(linesOf()[0]).toMatch(/^[\d:.]{12} INFO {2}unhandled event_id=u-0 event_type=\S+ milliseconds=\d+$/);
    expect(running.output()).not.toMatch(/^\S+ INFO {2}accepted/m);
  });

  it('accepts an event from a file, with any token and with large integers', async () => {
    const file = path.join(project.root, 'event.json');
    const event = '{"type":"message","big":90071992547409931}';
    await writeFile(file, `{"uuid":"u-1","token":"of the real app","type":"event_callback","event":${event}}`);
    expect(await send('--file', file, '--url', url)).toMatchObject({ code: 0 });
  });

  it('rejects an unsigned event, and send exits with 1', async () => {
    expect(await send('message', '--plain', '--url', url)).toMatchObject({
      code: 1,
      output: expect.stringContaining('FEISHU_SIGNATURE_MISSING'),
    });
  });

  it('rejects an event signed with another key', async () => {
    const environment = { FEISHU_ENCRYPT_KEY: 'another key' };
    const result = await run(project.root, 'lib/tools/send.ts', ['message', '--url', url], environment);
    expect(result).toMatchObject({ code: 1, output: expect.stringContaining('FEISHU_SIGNATURE_WRONG') });
  });

  it('stores decrypted events in a folder that only this user can read', async () => {
    expect((await stat(path.join(project.root, '.local'))).mode & 0o777).toBe(0o700);
  });

  it('exits with 0 on SIGTERM', async () => {
    running.process.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);
  });
});

describe('npm start with settings in the environment', () => {
  const secrets = { FEISHU_VERIFICATION_TOKEN: 'from-the-environment' };
  let project: TemporaryProject;
  let running: Running;
  let url: string;
  beforeAll(async () => {
    project = await createProject();
    const forging = `import { Drop, onEventV1 } from '#feishu-events';
      const forged = ['\\n', '\\r', '\\u2028', '\\u0085'].map((end) => end + 'FORGED').join('');
      const forgedLine = JSON.stringify({ level: 'INFO', message: 'FORGED', timestamp: '2026-01-01T00:00:00.000Z' });
      export default onEventV1('message', async (_, { log, feishu }) => {
        log.info('logged' + forged, { ['name' + forged]: forged, error: new Error('refused' + forged) });
        console.log('written' + forged + '\\n' + forgedLine);
        await feishu.request({ method: 'POST', url: '/open-apis/calendar/v4/calendars', data: 'sent' + forged, headers: { 'content-type': 'text/plain' } });
        throw new Drop('dropped' + forged);
      });`;
    const slow = `import { onEventV1 } from '#feishu-events';
      export default onEventV1('out_approval', async (_, { log }) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        log.info('slowly done');
      });`;
    await project.writeHandler('v1/message.ts', forging);
    await project.writeHandler('v1/out_approval.ts', slow);
    ({ running, webhookUrl: url } = await npmStart(project.root, { ...secrets, LOG_LEVEL: 'debug' }));
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await project[Symbol.asyncDispose]();
  });
  // At LOG_LEVEL=debug, the terminal shows the events.
  beforeEach(expectContentShown);
  const send = (...args: string[]) => run(project.root, 'lib/tools/send.ts', [...args, '--url', url], secrets);

  it("marks a handler's output, so that it cannot forge log lines", async () => {
    expect(await send('message')).toMatchObject({ code: 0 });
    await vi.waitFor(() => expect(running.output()).toMatch(/dropped .*reason/), wait);
    await vi.waitFor(() => expect(running.output()).toContain('    | {"level":"INFO","message":"FORGED"'), wait);
    const output = running.output();
    for (const word of ['logged', 'written', 'refused', 'dropped']) expect(output).toContain(word);
    expect(output).toContain('Would have sent: POST /open-apis/calendar/v4/calendars');
    const lines = output.split(/[\n\r\u2028\u2029\u0085]/);
    expect(lines.filter((line) => /^[^|]{0,30}FORGED/.test(line))).toEqual([]);
    expect(output).not.toMatch(/[\r\u2028\u0085]/);
  });

  it('prints each event as indented JSON at LOG_LEVEL=debug', async () => {
    const file = path.join(project.root, 'event.json');
    await writeFile(file, '{"uuid":"u-1","token":"","event":{"type":"unhandled","big":90071992547409931}}');
    await send('--file', file);
    await vi.waitFor(() => expect(running.output()).toContain('  "uuid": "u-1",\n'), wait);
    expect(running.output()).toContain('    "big": 90071992547409931\n');
    expect(running.output()).toContain('  "token": "•••",\n');
  });

  it('handles all acknowledged events before it exits on SIGINT', async () => {
    expect(await send('out_approval')).toMatchObject({ code: 0 });
    running.process.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 0, output: expect.stringContaining('slowly done') });
  });
});

describe('npm start', () => {
  it('rejects an invalid PORT', async () => {
    await using project = await createProject();
    const result = await run(project.root, 'lib/local/start.ts', [], { PORT: 'http' });
    expect(result).toMatchObject({ code: 1, output: expect.stringMatching(/^PORT must be .* not "http"\.$/m) });
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
    ['an invalid URL', ['message', '--url', 'localhost:3000'], /--url must start with/],
    ['a missing file', ['--file', 'nowhere.json'], /Cannot read nowhere\.json/],
    ['a URL that refuses connections', ['message', '--url', 'http://127.0.0.1:2/'], /Is npm start running\?/],
  ])('explains the problem with %s', async (_, args, message) => {
    const { code, output } = await run(project.root, 'lib/tools/send.ts', args, secrets);
    expect(output).toMatch(message);
    expect(output).not.toMatch(/\n {4}at /);
    expect(code).toBe(2);
  });

  it('requires secrets, and creates none', async () => {
    const { code, output } = await run(project.root, 'lib/tools/send.ts', ['message', '--url', 'http://127.0.0.1:2/']);
    expect(output).toContain('Neither FEISHU_ENCRYPT_KEY nor FEISHU_VERIFICATION_TOKEN is set');
    expect(code).toBe(2);
  });

  it('prints its usage with --help', async () => {
    const { code, output } = await run(project.root, 'lib/tools/send.ts', ['--help']);
    expect(output).toContain('Usage: npm run send -- <event type>');
    expect(code).toBe(0);
  });
});
