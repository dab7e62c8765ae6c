import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { createSample } from '../../../lib/samples/samples.ts';
import { emulatedAws } from '../../support/emulated-aws.ts';
import { toHttpEvent } from '../../support/http-events.ts';
import { PlatformApi } from '../../support/platform-api.ts';
import { createProject } from '../support/project.ts';
import { createPackagedFunctions, type PackagedFunctions } from './packaged-functions.ts';

// Runs the packaged webhook of a project whose callback handlers have the client, with the variables of the template.

const HANDLER = `import { onCallback } from '#feishu-events';
export default onCallback('card.action.trigger', async (_, { feishu, uuid }) => {
  const data = { msg_type: 'text', content: JSON.stringify({ text: 'Noted' }), uuid: uuid('note') };
  await feishu.im.message.reply({ path: { message_id: 'om_1' }, data });
  return { toast: { content: 'Sent' } };
});
`;

const aws = emulatedAws();
const parts = new AsyncDisposableStack();
let platform: PlatformApi;
let secrets: Record<string, string>;
let functions: PackagedFunctions;

beforeAll(async () => {
  platform = parts.use(await PlatformApi.start());
  const { FEISHU_APP_ID = '', FEISHU_APP_SECRET = '' } = platform.environment;
  secrets = { FEISHU_APP_ID, FEISHU_APP_SECRET, FEISHU_ENCRYPT_KEY: 'key', FEISHU_VERIFICATION_TOKEN: 'token' };
  const project = await createProject();
  parts.defer(() => project.remove());
  await writeFile(path.join(project.folder, 'extensions.yml'), 'callbacks: { feishu: true }\n');
  await writeFile(path.join(project.folder, 'functions/handlers/callbacks/card.action.trigger.ts'), HANDLER);
  functions = await createPackagedFunctions(secrets, project.folder);
  parts.defer(() => functions.remove());
});
afterAll(() => parts.disposeAsync());

test("the template gives the webhook the app's credentials and the platform's domain", () => {
  expect(functions.packaged.webhook.environment).toMatchObject({
    FEISHU_APP_ID: expect.stringContaining('resolve:secretsmanager'),
    FEISHU_APP_SECRET: expect.stringContaining('resolve:secretsmanager'),
    FEISHU_DOMAIN: 'https://open.feishu.cn',
  });
});

test('a callback handler sends a message before it responds', async () => {
  const { FEISHU_DOMAIN = '' } = platform.environment;
  // Without a time limit, so that a busy machine does not fail the callback.
  const webhook = await functions.start('webhook', aws.emulators, { FEISHU_DOMAIN, NO_DEADLINES: 'true' });
  parts.defer(() => webhook.stop());
  const text = createSample('card.action.trigger', { version: '2.0', token: 'token' });
  const request = writeRequest(text, { encryptKey: 'key' }, Date.now());
  const { statusCode, body } = (await webhook.invoke(toHttpEvent(request))) as { statusCode: number; body: string };
  expect({ statusCode, ...JSON.parse(body) }).toEqual({ statusCode: 200, toast: { content: 'Sent' } });
  expect(platform.sent).toEqual([{ tenant: 'own', text: 'Noted' }]);
  await aws.drain();
  for (const line of webhook.lines) expect(line).not.toContain(platform.appSecret);
});
