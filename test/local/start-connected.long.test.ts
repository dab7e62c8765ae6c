import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSample } from '../../lib/samples/samples.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { npmStart } from '../support/npm-start.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import { type Running, run } from '../support/run.ts';
import { wait } from '../support/wait.ts';

describe('npm start -- --long-connection', () => {
  const credentials = { FEISHU_APP_ID: 'cli_0123456789abcdef', FEISHU_APP_SECRET: 'secret-of-the-app', PORT: '0' };

  describe('with the local handlers', () => {
    let project: TemporaryProject;
    let platform: MockPlatform;
    let running: Running;
    let eventsUrl: string;
    beforeAll(async () => {
      project = await createProject();
      platform = await MockPlatform.start(new FakeClock());
      const environment = { ...credentials, FEISHU_DOMAIN: platform.domain };
      ({ running, eventsUrl } = await npmStart(project.root, environment, ['--long-connection']));
      await vi.waitFor(() => expect(running.output()).toContain('Connected to ws://127.0.0.1'), wait);
    });
    afterAll(async () => {
      await running[Symbol.asyncDispose]();
      await platform.stop();
      await project[Symbol.asyncDispose]();
    });

    it('handles events without an Encrypt Key or a Verification Token', async () => {
      expect(running.output()).toContain('A deployed connection of the same app misses the events that arrive here');
      const delivery = platform.push({ id: 'e1', text: createSample('message', { version: '1.0', token: '' }) });
      await delivery.settled;
      expect(delivery.state).toBe('acknowledged');
      await vi.waitFor(async () => {
        const events = await (await fetch(eventsUrl)).json();
        expect(events).toMatchObject([
          { type: 'message', source: 'long-connection', status: 'handled', acknowledgedAt: expect.any(String) },
        ]);
      }, wait);
    });

    it('reconnects with a changed callback handler, over one connection at a time', async () => {
      const source = `import { onCallback } from '#feishu-events';
        export default onCallback('card.action.trigger', () => ({ toast: { content: 'changed' } }));`;
      await project.writeHandler('callbacks/card.action.trigger.ts', source);
      await vi.waitFor(() => expect(running.output().split('Connected to ws://').length).toBe(3), wait);
      expect(platform.gateway.open.length).toBe(1);
      const click = createSample('card.action.trigger', { version: '2.0', token: '' });
      const delivery = platform.pushCallback({ id: 'c1', text: click });
      await delivery.settled;
      expect(delivery.responses).toMatchObject([{ code: 200, data: { toast: { content: 'changed' } } }]);
    });

    it('reconnects when .env has changed', async () => {
      const connectedBefore = running.output().split('Connected to ws://').length;
      let text = 'LATER=1\n';
      await vi.waitFor(async () => {
        // Repeated with another size: a write before the first look at the file is no change.
        text += '\n';
        await writeFile(path.join(project.root, '.env'), text);
        expect(running.output()).toContain('.env has changed (LATER).');
      }, wait);
      await vi.waitFor(
        () => expect(running.output().split('Connected to ws://').length).toBe(connectedBefore + 1),
        wait,
      );
      expect(platform.gateway.open.length).toBe(1);
    });

    it('exits with 0 on SIGINT, and closes the connection', async () => {
      running.process.kill('SIGINT');
      expect((await running.ended).code).toBe(0);
      expect(platform.gateway.open).toEqual([]);
    });
  });

  it('exits with 1 if the platform rejects the app, and says what to check', async () => {
    await using project = await createProject();
    const platform = await MockPlatform.start(new FakeClock());
    platform.gateway.discovery = { code: 514 };
    const environment = { ...credentials, FEISHU_DOMAIN: platform.domain };
    const { code, output } = await run(project.root, 'lib/local/start.ts', ['--long-connection'], environment);
    expect(output).toContain('Are FEISHU_APP_ID and FEISHU_APP_SECRET the values in the developer console');
    expect(code).toBe(1);
    await platform.stop();
  });

  it('requires app credentials', async () => {
    await using project = await createProject();
    const { code, output } = await run(project.root, 'lib/local/start.ts', ['--long-connection']);
    expect(output).toContain('FEISHU_APP_ID is not set');
    expect(code).toBe(1);
  });
});
