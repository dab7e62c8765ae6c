import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { ROUTES } from '../../../lib/local/inspector/wire.ts';
import { createSample } from '../../../lib/samples/samples.ts';
import { deliver } from '../../support/deliver.ts';
import { startLocalStack } from '../../support/local-stack.ts';
import { createProject } from '../../support/project.ts';
import { encryptKey, verificationToken as token } from '../../support/secrets.ts';
import { wait } from '../../support/wait.ts';

describe('A dead letter from an earlier npm start', () => {
  it('is shown with its content and can be redriven', async () => {
    await using project = await createProject();
    const handlerWith = (statement: string) => `import { onEvent, RetryAfter } from '#feishu-events';
      export default onEvent('im.chat.updated_v1', () => { ${statement} });`;
    const dataFolder = path.join(project.root, '.local');
    const text = createSample('im.chat.updated_v1', { version: '2.0', token });
    const { event_id: id } = JSON.parse(text).header;
    await project.writeHandler('v2/im.chat.updated_v1.ts', handlerWith("throw new RetryAfter(0, 'not yet');"));
    const failing = await startLocalStack({ root: project.root, dataFolder });
    await deliver(failing.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
    await vi.waitFor(() => expect(failing.events()[0]?.status).toBe('dead'), wait);
    await failing.stop();

    await project.writeHandler('v2/im.chat.updated_v1.ts', handlerWith('void RetryAfter;'));
    const fixed = await startLocalStack({ root: project.root, dataFolder });
    try {
      const messageId = fixed.events().find((record) => record.id === id)?.messageId;
      const details = await fetch(new URL(`${ROUTES.event}?message=${messageId}`, fixed.pageUrl));
      expect(await details.json()).toMatchObject({
        record: { status: 'dead', attempts: 5, lastError: 'RetryAfter: not yet' },
        json: expect.stringContaining(id),
      });
      const report = await fetch(new URL(ROUTES.redrive, fixed.pageUrl), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messageId }),
      });
      expect(await report.json()).toEqual({ moved: 1, failed: 0 });
      await vi.waitFor(() => {
        expect(fixed.events().map(({ status }) => status)).toEqual(['redriven', 'handled']);
      }, wait);
      expect(fixed.events().map(({ redriveOf }) => redriveOf)).toEqual([undefined, messageId]);
    } finally {
      await fixed.stop();
    }
  });
});
