import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ScheduledFunctions } from '../../../lib/local/user-functions/scheduled-functions.ts';
import { PROJECT_ROOT } from '../../support/project.ts';
import { wait } from '../../support/wait.ts';

const SERVICE = `provider: { runtime: nodejs24.x }
functions:
  - \${file(extensions.yml):functions, null}
`;
const EXTENSIONS = `functions:
  report:
    handler: functions/report.handler
    timeout: 600
    environment: { TABLE: !Ref Table }
    events:
      - schedule: rate(6 hours)
      - schedule: { rate: cron(0 8 * * ? *), enabled: false, input: { isWeekly: true } }
  other:
    handler: functions/other.handler
`;
const REPORT = `export const handler = async (event: { isWeekly?: boolean; source?: string }) => {
  console.log('reporting');
  return event.isWeekly ? 'weekly' : event.source;
};
`;

describe('The scheduled functions', () => {
  let root: string;
  let scheduled: ScheduledFunctions;
  let notices: string[];
  let lines: string[];
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'feishu-events-scheduled-'));
    await mkdir(path.join(root, 'functions'));
    await symlink(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'));
    await write('serverless.yml', SERVICE);
    await write('extensions.yml', EXTENSIONS);
    await write('functions/report.ts', REPORT);
    notices = [];
    lines = [];
    scheduled = new ScheduledFunctions({
      root,
      environment: () => ({}),
      onLine: (line) => lines.push(line),
      onNotice: (text) => notices.push(text),
    });
  });
  afterEach(async () => {
    await scheduled.stop();
    await rm(root, { recursive: true });
  });

  const write = (name: string, content: string) => writeFile(path.join(root, name), content);
  const run = (schedule: number, name = 'report') => scheduled.run({ name, schedule });

  it('are listed with their schedules', async () => {
    expect(await scheduled.list()).toEqual([
      {
        name: 'report',
        schedules: [
          { expressions: ['rate(6 hours)'], isEnabled: true },
          { expressions: ['cron(0 8 * * ? *)'], isEnabled: false },
        ],
        isRunning: false,
      },
    ]);
  });

  it('run with the event of a schedule, and keep their last run', async () => {
    expect(await run(0)).toMatchObject({ result: '"aws.events"', output: ['reporting'] });
    const weekly = await run(1);
    expect(weekly).toEqual({
      startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      milliseconds: expect.any(Number),
      result: '"weekly"',
      output: ['reporting'],
    });
    expect((await scheduled.list())[0]).toMatchObject({ isRunning: false, lastRun: weekly });
    expect(lines).toEqual(['| reporting', '| reporting']);
    expect(notices.slice(0, 3)).toEqual([
      'Running report.',
      expect.stringContaining('Not set, because only a deployment determines their values: TABLE.'),
      expect.stringMatching(/^report returned after \d+ ms: "aws.events"$/),
    ]);
  });

  it('run the newest source, and report an error of the build or the function', async () => {
    await write('functions/report.ts', 'export const handler = async () => {\n  throw new Error("no data");\n};\n');
    expect(await run(0)).toMatchObject({ error: expect.stringMatching(/^Error: no data\n.*functions\/report\.ts:2:/) });
    expect(notices.at(-1)).toMatch(/^report failed after \d+ ms: Error: no data/);
    await write('functions/report.ts', 'export const handler = async () => {\n');
    expect(await run(0)).toMatchObject({ error: expect.stringContaining('functions/report.ts:2:0: ERROR: ') });
  });

  it('run once at a time, and end when the local stack stops', async () => {
    await write('functions/report.ts', 'export const handler = () => new Promise(() => console.log("waiting"));\n');
    const running = run(0);
    await vi.waitFor(() => expect(lines).toEqual(['| waiting']), wait);
    expect((await scheduled.list())[0]?.isRunning).toBe(true);
    await expect(run(1)).rejects.toThrow('report is running.');
    await scheduled.stop();
    expect(await running).toMatchObject({ error: 'The function report was stopped' });
  });

  it.each([
    ['report', 2],
    ['report', -1],
    ['other', 0],
  ])('reject a schedule that does not exist: %s, %i', async (name, schedule) => {
    await expect(run(schedule, name)).rejects.toThrow(`There is no function "${name}" with this schedule.`);
  });

  it('report an invalid extensions.yml', async () => {
    await write('extensions.yml', 'functions: [\n');
    await expect(scheduled.list()).rejects.toThrow('extensions.yml is not valid YAML');
  });
});
