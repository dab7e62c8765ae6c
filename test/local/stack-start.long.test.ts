import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { post } from '../../lib/cli/post.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';

const sample = (type: string, version: '1.0' | '2.0' = '2.0') => createSample(type, { version, token });

describe('A project that does not build', () => {
  it('does not start, and the message names the file', async () => {
    await using project = await createProject();
    await project.writeHandler(
      'v2/im.message.recieve_v1.ts',
      "import { onEvent } from '#feishu-events'; export default onEvent('im.message.receive_v1', () => {});",
    );
    await expect(startLocalStack({ root: project.root })).rejects.toThrow(/im\.message\.recieve_v1\.ts/);
  });
});

describe('A local stack that cannot be built at first', () => {
  it('reports the error, loses no event, and runs once it is fixed', async () => {
    await using project = await createProject();
    const callback = 'callbacks/url.preview.get.ts';
    const event = 'v2/im.chat.updated_v1.ts';
    await project.writeHandler(callback, 'export default (');
    await project.writeHandler(event, 'export default (');
    const notices: string[] = [];
    const onNotice = (text: string) => notices.push(text);
    const stack = await startLocalStack({ root: project.root, watch: true, onNotice });
    try {
      expect(stack.hasFailedBuild).toBe(true);
      expect(notices).toEqual([
        expect.stringContaining(`functions/handlers/${callback}:1:16`),
        expect.stringContaining(`functions/handlers/${event}:1:16`),
      ]);
      const trySending = () =>
        post(stack.webhookUrl, writeRequest(sample('out_approval', '1.0'), { encryptKey }, Date.now()));
      expect(await trySending()).toMatchObject({ status: 503, body: expect.stringContaining('cannot be built') });
      await project.writeHandler(
        callback,
        "import { onCallback } from '#feishu-events'; export default onCallback('url.preview.get', () => ({}));",
      );
      // Then the webhook can be built, but not the worker.
      await vi.waitFor(async () => expect(await trySending()).toMatchObject({ status: 200 }), wait);
      expect(stack.events()).toMatchObject([{ status: 'queued', attempts: 0 }]);
      await project.writeHandler(
        event,
        "import { onEvent } from '#feishu-events'; export default onEvent('im.chat.disbanded_v1', () => {});",
      );
      await vi.waitFor(() => expect(notices.at(-1)).toContain('rename it to im.chat.disbanded_v1.ts'), wait);
      expect(stack.events()).toMatchObject([{ status: 'queued', attempts: 0 }]);
      await project.writeHandler(
        event,
        "import { onEvent } from '#feishu-events'; export default onEvent('im.chat.updated_v1', () => {});",
      );
      await vi.waitFor(() => expect(stack.events()).toMatchObject([{ status: 'handled', attempts: 1 }]), wait);
      expect(notices.filter((text) => text.includes('Build failed')).length).toBe(3);
    } finally {
      await stack.stop();
    }
  });
});

describe('A handler that cannot be checked', () => {
  it('does not prevent the stack from starting, and is reported', async () => {
    await using project = await createProject();
    const source = `import { onEvent } from '#feishu-events';
      if (!process.env.SOME_KEY) throw new Error('SOME_KEY is not set');
      export default onEvent('im.chat.updated_v1', () => {});`;
    await project.writeHandler('v2/im.chat.updated_v1.ts', source);
    const notices: string[] = [];
    const stack = await startLocalStack({ root: project.root, onNotice: (text) => notices.push(text) });
    await stack.stop();
    expect(notices).toEqual([expect.stringContaining('v2/im.chat.updated_v1.ts could not be checked')]);
    expect(notices[0]).toContain('SOME_KEY is not set');
  });
});

describe('A port that is in use', () => {
  it('is reported with advice', async () => {
    const other = await startHttpServer('127.0.0.1', 0, async () => jsonResponse(200, {}));
    onTestFinished(() => other.stop());
    await expect(startLocalStack({ port: Number(new URL(other.origin).port) })).rejects.toThrow(/PORT/);
  });
});
