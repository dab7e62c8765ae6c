import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectionBundle } from '../../lib/build/bundle.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import type { ApiCall } from '../../lib/mock-platform/mock-platform.ts';
import { decodeMessage } from '../../lib/queue/message.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import { createAcceptingPlatform } from '../support/accepting-platform.ts';
import { createProject } from '../support/project.ts';
import { wait } from '../support/wait.ts';
import { connected, longConnectionProgram, pushUntilAcknowledged, sampleEvent, startPlatform } from './program.ts';

/** Runs the Fargate task's bundle as a process. connection.long.test.ts tests rarer failures. */
describe('The long-connection program', () => {
  const { aws, startProgram, startProxy, startWithHandler } = longConnectionProgram();

  it('queues the unchanged event before it acknowledges it', async () => {
    const clock = new FakeClock();
    const platform = await startPlatform(clock);
    const { running } = await startProgram(platform);
    await connected(running);
    const text = createSample('message', { version: '1.0', token: '' }).replace('{', '{ "big": 90071992547409931,');
    await pushUntilAcknowledged(platform, clock, { id: 'e1', text });
    const [record] = await aws.drain();
    expect(record?.body).toContain('90071992547409931');
    expect(decodeMessage(record as never).source).toBe('long-connection');
  });

  it('connects to SQS before it connects to the platform, without sending a message', async () => {
    const proxy = await startProxy();
    const { running } = await startProgram(await startPlatform(), proxy.environment);
    await connected(running);
    await vi.waitFor(() => expect(proxy.connections).toBe(1), wait);
    expect(proxy.requests).toBe(0);
  });

  it('connects to the platform even if SQS cannot be reached', async () => {
    const proxy = await startProxy();
    proxy.goDown();
    const { running } = await startProgram(await startPlatform(), proxy.environment);
    await connected(running);
  });

  it('reports its connection at once, so that the alarm for it stays quiet during the first deployment', async () => {
    const { running } = await startProgram(await startPlatform());
    await connected(running);
    const reports = () =>
      running
        .output()
        .split('\n')
        .filter((line) => line.includes('"ConnectionUp":1'));
    await vi.waitFor(() => expect(reports()).not.toEqual([]), wait);
    // Unlike this one, the report of each minute contains the events in flight.
    expect(reports()[0]).not.toContain('InFlight');
  });

  it('responds to a callback with the result of its handler, and also queues it', async () => {
    const clock = new FakeClock();
    const platform = await startPlatform(clock);
    const { running } = await startProgram(platform);
    await connected(running);
    // Loads everything first, because the platform never resends a callback.
    await pushUntilAcknowledged(platform, clock, sampleEvent('first'));
    await aws.drain();
    const delivery = platform.pushCallback({
      id: 'c1',
      text: createSample('card.action.trigger', { version: '2.0', token: '' }),
    });
    await delivery.settled;
    expect(delivery.responses).toMatchObject([{ code: 200, data: { toast: { content: 'Done' } } }]);
    expect((await aws.drain()).length).toBe(1);
  });

  it('makes the platform resend an event that cannot be queued', async () => {
    const platform = await startPlatform();
    const { running } = await startProgram(platform, { QUEUE_URL: `${aws.emulators.queueUrl}-that-does-not-exist` });
    await connected(running);
    const delivery = platform.push(sampleEvent('e1'));
    await vi.waitFor(() => expect(delivery.responses[0]).toEqual({ code: 500 }), wait);
    expect(running.output()).toContain('FEISHU_QUEUE_UNAVAILABLE');
  });

  it('on SIGTERM, acknowledges events in flight, accepts no others, and exits with 0', async () => {
    const platform = await startPlatform();
    const proxy = await startProxy();
    const release = Promise.withResolvers<void>();
    proxy.behavior = { respondsAfter: release.promise };
    const { running } = await startProgram(platform, proxy.environment);
    await connected(running);
    const deliveries = Array.from({ length: 20 }, (_, index) => platform.push(sampleEvent(`e${index}`)));
    // A request has at most ten messages.
    await vi.waitFor(() => expect(proxy.requests).toBeGreaterThanOrEqual(2), wait);
    running.process.kill('SIGTERM');
    await vi.waitFor(() => expect(running.output()).toContain('no more events are accepted'), wait);
    const late = platform.push(sampleEvent('late'));
    release.resolve();
    expect((await running.ended).code).toBe(0);
    await Promise.all([late, ...deliveries].map(({ settled }) => settled));
    // On a busy machine, the response may be 500 because of the time limit. No response means a dropped event.
    expect(deliveries.map(({ responses }) => responses.length)).toEqual(Array(20).fill(1));
    expect(late.state).toBe('waiting');
    const acknowledged = deliveries.filter(({ state }) => state === 'acknowledged');
    expect((await aws.drain()).length).toBeGreaterThanOrEqual(acknowledged.length);
  });

  it('responds to a callback whose type is not documented if it has a module', async () => {
    await using project = await createProject();
    await project.writeHandler(
      'callbacks/example.thing.get.ts',
      `import { onCallback } from '#feishu-events';
       export default onCallback('example.thing.get', (_, { rawJson }) => ({ thing: rawJson().length }));`,
    );
    const folder = path.join(project.root, 'built');
    await build(connectionBundle(project.root, folder));
    const platform = await startPlatform();
    const { running } = await startProgram(platform, { NODE_OPTIONS: '' }, folder);
    await connected(running);
    const text = createSample('example.thing.get', { version: '2.0', token: '' });
    const delivery = platform.pushCallback({ id: 'c1', text });
    await delivery.settled;
    expect(delivery.responses).toMatchObject([{ code: 200, data: { thing: text.length } }]);
    await aws.drain();
  });

  it('gives the client to the callback handlers of a project that enables it', async () => {
    await using project = await createProject();
    await writeFile(path.join(project.root, 'extensions.yml'), 'callbacks: { feishu: true }\n');
    await project.writeHandler(
      'callbacks/card.action.trigger.ts',
      `import { onCallback } from '#feishu-events';
       export default onCallback('card.action.trigger', async (_, { feishu, uuid }) => {
         const data = { msg_type: 'text', content: '{}', uuid: uuid('note') };
         await feishu.im.message.reply({ path: { message_id: 'om_1' }, data });
         return { toast: { content: data.uuid } };
       });`,
    );
    // A folder without node_modules, as in the task's container.
    await using folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-connection-'));
    await build(connectionBundle(project.root, folder.path));
    const platform = await startPlatform();
    const calls: ApiCall[] = [];
    const respond = createAcceptingPlatform((call) => calls.push(call));
    const api = await startHttpServer('127.0.0.1', 0, async (request, body) => {
      if (request.url?.startsWith('/open-apis/')) return respond(request, body);
      const discovery = await fetch(`${platform.domain}${request.url}`, { method: 'POST', body: body.toString() });
      return { statusCode: discovery.status, headers: {}, body: await discovery.text() };
    });
    onTestFinished(() => api.stop());
    // Without a time limit, so that a busy machine does not fail the callback.
    const environment = { FEISHU_DOMAIN: api.origin, NO_DEADLINES: 'true' };
    const { running } = await startProgram(platform, environment, folder.path);
    await connected(running);
    const text = createSample('card.action.trigger', { version: '2.0', token: '' });
    const delivery = platform.pushCallback({ id: 'c1', text });
    await delivery.settled;
    expect(delivery.responses).toMatchObject([{ code: 200 }]);
    expect(calls).toMatchObject([{ path: '/open-apis/im/v1/messages/om_1/reply' }]);
    const { data } = delivery.responses[0] as { data?: { toast: { content: string } } };
    expect(JSON.parse(calls[0]?.body ?? '').uuid).toBe(data?.toast.content);
    await aws.drain();
  });

  it('responds with an error to a click whose handler lets an exception escape, and acknowledges all events in flight', async () => {
    const { platform, running, click, errors } = await startWithHandler(`
      export default onCallback('card.action.trigger', () => {
        setTimeout(() => { throw new Error('The audit log is down'); });
        return new Promise(() => {});
      });`);
    const events = Array.from({ length: 20 }, (_, index) => platform.push(sampleEvent(`e${index}`)));
    expect((await click('c1')).responses).toMatchObject([{ code: 200, data: { toast: { type: 'error' } } }]);
    await Promise.all(events.map(({ settled }) => settled));
    expect(events.map(({ state }) => state)).toEqual(Array(20).fill('acknowledged'));
    expect(errors()).toMatchObject([{ error: 'Error: The audit log is down' }]);
    expect(running.output().match(/Connected to/g)).toHaveLength(1);
    await aws.drain();
  });

  it('is healthy while it is connected', async () => {
    const platform = await startPlatform();
    const { running, healthUrl } = await startProgram(platform);
    await connected(running);
    const response = await fetch(healthUrl);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ state: 'connected', reconnects: 0, inFlight: 0 });
  });

  it('writes its state as metrics, and exits with 0 on SIGTERM', async () => {
    const platform = await startPlatform();
    const { running } = await startProgram(platform);
    await connected(running);
    await platform.push(sampleEvent('e1')).settled;
    running.process.kill('SIGTERM');
    const { code, output } = await running.ended;
    expect(code).toBe(0);
    const lines = output.split('\n').filter((line) => line.includes('_aws'));
    const metrics = Object.assign({}, ...lines.map((line) => JSON.parse(line)));
    expect(metrics).toMatchObject({
      service: 'feishu-events',
      Reconnects: 0,
      InFlight: 0,
      AcknowledgeTime: [expect.any(Number)],
    });
    await aws.drain();
  });

  it('exits with 1 and one clear error if the platform rejects the app', async () => {
    const platform = await startPlatform();
    platform.gateway.discovery = { code: 514, msg: 'auth failed' } as never;
    const { running } = await startProgram(platform);
    const { code, output } = await running.ended;
    expect(code).toBe(1);
    expect(output).toContain('Are FEISHU_APP_ID and FEISHU_APP_SECRET the values in the developer console');
    expect(output.split('"level":"ERROR"').length).toBe(2);
  });

  it('names a missing credential', async () => {
    const platform = await startPlatform();
    const { running } = await startProgram(platform, { FEISHU_APP_SECRET: '' });
    const { code, output } = await running.ended;
    expect(code).toBe(1);
    expect(output).toContain('FEISHU_APP_SECRET is not set');
  });

  it('exits with 1 before it accepts an event if the port of the health check is in use', async () => {
    const platform = await startPlatform();
    const blocker = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void blocker.close());
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { port } = blocker.address() as { port: number };
    const { running } = await startProgram(platform, { HEALTH_PORT: `${port}` });
    const { code, output } = await running.ended;
    expect(code).toBe(1);
    expect(output).toContain('EADDRINUSE');
    expect(platform.gateway.discoveries).toEqual([]);
  });

  it('logs neither the app secret, nor the ticket, nor events', async () => {
    const platform = await startPlatform();
    const { running } = await startProgram(platform, { LOG_LEVEL: 'DEBUG' });
    await connected(running);
    await platform.push(sampleEvent('e1')).settled;
    running.process.kill('SIGTERM');
    const { output } = await running.ended;
    expect(output).not.toContain('secret-of-the-app');
    expect(output).not.toMatch(/device_id|service_id|ticket=/);
    expect(output).not.toContain('世界');
    await aws.drain();
  });
});
