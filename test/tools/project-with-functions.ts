import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
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

/** Creates a project for the tests of a block, with functions that run on a schedule, and one without a schedule. */
export function projectWithFunctions() {
  let project: TemporaryProject;
  beforeAll(async () => {
    project = await createProject();
    await writeFile(path.join(project.root, 'extensions.yml'), EXTENSIONS);
    await writeFile(path.join(project.root, 'functions/reminder.ts'), REMINDER);
  });
  afterAll(() => project[Symbol.asyncDispose]());
  return {
    get root() {
      return project.root;
    },
    invoke: (...args: string[]) => run(project.root, 'lib/tools/invoke.ts', args),
  };
}
