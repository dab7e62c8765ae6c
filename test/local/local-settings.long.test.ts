import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { expect, it, vi } from 'vitest';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';

const EXTENSIONS = `params: { default: { workerTimeout: 100 } }
environment: { MODEL: small, SIZE: 3, LANGUAGE: en }
`;

const HANDLER = `import { onEventV1 } from '#feishu-events';
export default onEventV1('message', (_, { log }) => {
  const { MODEL, SIZE, LANGUAGE } = process.env;
  log.info([MODEL, SIZE, LANGUAGE].join());
});`;

it('npm start uses the timeout and the variables in extensions.yml, and .env takes precedence', async () => {
  await using project = await createProject();
  await writeFile(path.join(project.root, 'extensions.yml'), EXTENSIONS);
  await project.writeHandler('v1/message.ts', HANDLER);
  const lines: string[] = [];
  const stack = await startLocalStack({
    onLine: (line) => lines.push(line),
    root: project.root,
    environment: { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token, LANGUAGE: 'zh' },
  });
  try {
    const { sqs, queueUrl } = stack.queue;
    const attributes = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['VisibilityTimeout'] });
    expect((await sqs.send(attributes)).Attributes).toEqual({ VisibilityTimeout: '600' });
    await deliver(
      stack.webhookUrl,
      writeRequest(createSample('message', { version: '1.0', token }), { encryptKey }, Date.now()),
    );
    await vi.waitFor(() => expect(lines.join()).toContain('small,3,zh'), wait);
  } finally {
    await stack.stop();
  }
});
