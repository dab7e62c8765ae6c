import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { run } from '../support/run.ts';

const EXTENSIONS = `functions:
  reminder:
    handler: functions/reminder.handler
    timeout: 600
    environment: { TABLE: !Ref Table }
    events:
      - schedule: rate(6 hours)
      - schedule: { rate: cron(0 8 * * ? *), inputPath: $.detail }
  report:
    handler: functions/reminder.handler
  log:
    handler: functions/reminder.handler
    events:
      - schedule: rate(1 day)
`;
const REMINDER = `import { Client, Domain } from '@larksuiteoapi/node-sdk';

export const handler = async (event: { source?: string; call?: boolean; fail?: boolean }) => {
  console.log('a log line');
  if (event.fail) throw new Error('The database is down');
  if (event.call) {
    const { FEISHU_APP_ID: appId = '', FEISHU_APP_SECRET: appSecret = '', FEISHU_DOMAIN: domain = '' } = process.env;
    const client = new Client({ appId, appSecret, domain: domain as unknown as Domain });
    await client.im.message.create({
      params: { receive_id_type: 'chat_id' },
      data: { receive_id: 'oc_1', msg_type: 'text', content: '{"text":"Good morning"}' },
    });
  }
  return event;
};
`;

describe('npm run invoke', () => {
  let project: TemporaryProject;
  beforeAll(async () => {
    project = await createProject();
    await writeFile(path.join(project.root, 'extensions.yml'), EXTENSIONS);
    await writeFile(path.join(project.root, 'functions/reminder.ts'), REMINDER);
  });
  afterAll(() => project[Symbol.asyncDispose]());
  const invoke = (...args: string[]) => run(project.root, 'lib/tools/invoke.ts', args);

  it('runs a scheduled function with the event of its schedule, and separates logs from the result', async () => {
    const program = path.join(project.root, 'lib/tools/invoke.ts');
    const child = spawn(process.execPath, [program, 'reminder'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const [[code], result, log] = await Promise.all([
      once(child, 'close'),
      readText(child.stdout),
      readText(child.stderr),
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(result)).toMatchObject({ source: 'aws.events', 'detail-type': 'Scheduled Event' });
    expect(log).toMatch(/^Not set, because only a deployment determines their values: TABLE\./);
    expect(log).toContain('    | a log line\n');
    expect(log).toMatch(/^reminder returned after \d+ ms:$/m);
  });

  it('runs a function without a schedule with an empty event', async () => {
    expect(await invoke('report')).toMatchObject({ code: 0, output: expect.stringMatching(/ ms:\n\{\}\n$/) });
  });

  it('prints calls of the platform if there are no app credentials', async () => {
    const { code, output } = await invoke('reminder', '--data', '{"call":true}');
    expect(output).toContain('Would have sent: POST /open-apis/im/v1/messages?receive_id_type=chat_id {');
    expect(code).toBe(0);
  });

  it('reads the event from a file or the standard input', async () => {
    await writeFile(path.join(project.root, 'event.json'), '{"from":"file"}');
    expect(await invoke('report', '--data', '@event.json')).toMatchObject({
      code: 0,
      output: expect.stringContaining('"from": "file"'),
    });
    const program = path.join(project.root, 'lib/tools/invoke.ts');
    const child = spawn(process.execPath, [program, 'report', '--data', '@-'], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.end('{"from":"input"}');
    expect(JSON.parse(await readText(child.stdout))).toEqual({ from: 'input' });
  });

  it('exits with 1 if the function fails', async () => {
    const { code, output } = await invoke('reminder', '--data', '{"fail":true}');
    expect(output).toMatch(
      /^reminder failed after \d+ ms: Error: The database is down\n.*functions\/reminder\.ts:5:\d+\)?$/m,
    );
    expect(code).toBe(1);
  });

  it.each<[string, string[], string[]]>([
    [
      'an unknown function',
      ['remindr'],
      [
        'There is no function "remindr". Available functions:',
        '  reminder   rate(6 hours)   cron(0 8 * * ? *)',
        '  report\n  log        rate(1 day)',
      ],
    ],
    ['no function', [], ['Pass the name of a function.', 'Usage: npm run invoke', '  reminder']],
    ['two functions', ['reminder', 'report'], ['Pass one function, not reminder report.']],
    ['the worker', ['worker'], ["worker processes the platform's events.", 'npm run send -- im.message.receive_v1']],
    ['the webhook', ['webhook'], ["webhook processes the platform's events."]],
    ['data that is not JSON', ['report', '--data', '{'], ['The event is not valid JSON: ']],
    ['a missing file', ['report', '--data', '@no.json'], ['Cannot read the event: ENOENT']],
  ])('exits with 2 for %s', async (_, args, texts) => {
    const { code, output } = await invoke(...args);
    for (const text of texts) expect(output).toContain(text);
    expect(code).toBe(2);
  });
});
