import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { FakeClock } from '../mock-platform/clock.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { wait } from '../support/wait.ts';
import { providePython } from './environment.ts';

const PROGRAM = path.join(import.meta.dirname, 'program.py');

interface Handled {
  handler: string;
  // biome-ignore lint/suspicious/noExplicitAny: the event as the Python client parsed it
  data: any;
}

describe('Connected to the mock platform, the official Python client', () => {
  let python: string;
  beforeAll(async () => {
    python = await providePython();
  });

  async function startPlatform(clock?: FakeClock): Promise<MockPlatform> {
    const platform = await MockPlatform.start(clock);
    onTestFinished(() => platform.stop());
    return platform;
  }

  function startClient(platform: MockPlatform) {
    const client = spawn(python, [PROGRAM, platform.domain, 'cli_0123456789abcdef', 'secret-of-the-app'], {
      env: { ...process.env, NO_PROXY: '127.0.0.1', PYTHONIOENCODING: 'utf-8' },
    });
    const handled: Handled[] = [];
    let output = '';
    createInterface({ input: client.stdout }).on('line', (line) => {
      if (line.startsWith('{"handler"')) handled.push(JSON.parse(line));
      else output += `${line}\n`;
    });
    client.stderr.on('data', (chunk) => (output += chunk));
    const ended = new Promise<number | null>((resolve) => client.once('close', resolve));
    onTestFinished(async () => {
      client.kill('SIGKILL');
      await ended;
    });
    /** Waits, because the pipe may be slower than the acknowledgement. */
    const waitForHandled = async (count: number) => {
      await vi.waitFor(() => expect(handled.length, output).toBe(count), wait);
      return handled;
    };
    return { waitForHandled, output: () => output, ended };
  }

  async function connectClient(platform: MockPlatform) {
    const client = startClient(platform);
    await vi.waitFor(() => {
      expect(platform.gateway.connections[0]?.pings.length, client.output()).toBe(1);
    }, wait);
    return client;
  }

  it('receives and acknowledges an event of version 2.0', async () => {
    const platform = await startPlatform();
    const { waitForHandled } = await connectClient(platform);
    const delivery = platform.push(messageEvent('Hello, 世界 🎉'));
    await delivery.settled;
    expect(delivery).toMatchObject({ state: 'acknowledged', pushes: 1, responses: [{ code: 200 }] });
    const [handled] = await waitForHandled(1);
    expect(handled?.handler).toBe('p2 im.message.receive_v1');
    expect(handled?.data.event.message.content).toBe('{"text":"Hello, 世界 🎉"}');
  });

  it('receives an event of version 1.0 through a customized handler', async () => {
    const platform = await startPlatform();
    const { waitForHandled } = await connectClient(platform);
    const delivery = platform.push({ id: 'e1', text: createSample('message', { version: '1.0', token: '' }) });
    await delivery.settled;
    expect(delivery).toMatchObject({ state: 'acknowledged', pushes: 1 });
    expect(await waitForHandled(1)).toMatchObject([{ handler: 'p1 message', data: { event: { type: 'message' } } }]);
  });

  it('joins fragments in any order', async () => {
    const platform = await startPlatform();
    const { waitForHandled } = await connectClient(platform);
    const text = '你好 🎉'.repeat(500);
    const delivery = platform.push(messageEvent(text), { fragments: 4, order: [2, 0, 3, 1] });
    await delivery.settled;
    expect(delivery.state).toBe('acknowledged');
    const [handled] = await waitForHandled(1);
    expect(JSON.parse(handled?.data.event.message.content)).toEqual({ text });
  });

  it('echoes the ids of a frame', async () => {
    const platform = await startPlatform();
    await connectClient(platform);
    const ids = { SeqID: '18446744073709551615', LogID: '9007199254740993' };
    await platform.push(messageEvent('ids'), { frame: ids }).settled;
    expect(platform.gateway.connections[0]?.acknowledgements).toMatchObject([ids]);
  });

  it('receives an event again after its handler failed', async () => {
    const clock = new FakeClock();
    const platform = await startPlatform(clock);
    const { waitForHandled } = await connectClient(platform);
    const delivery = platform.push(messageEvent('fail'));
    await delivery.settled;
    expect(delivery).toMatchObject({ state: 'waiting', responses: [{ code: 500 }] });
    clock.advance(15_000);
    await delivery.settled;
    expect(delivery.pushes).toBe(2);
    await waitForHandled(2);
  });

  it('responds to a callback', async () => {
    const platform = await startPlatform();
    await connectClient(platform);
    const text = createSample('card.action.trigger', { version: '2.0', token: '' });
    const delivery = platform.pushCallback({ id: 'c1', text });
    await delivery.settled;
    expect(delivery.responses).toMatchObject([{ code: 200, data: { toast: { type: 'info', content: '好的' } } }]);
  });

  it('sends the same ping as our client, at the interval given in the pong', async () => {
    const platform = await startPlatform();
    platform.gateway.clientConfig.PingInterval = 1;
    await connectClient(platform);
    await vi.waitFor(() => expect(platform.gateway.connections[0]?.pings.length).toBeGreaterThan(2), wait);
    expect(platform.gateway.connections[0]?.pings[0]).toEqual({
      SeqID: '0',
      LogID: '0',
      service: 33554678,
      method: 0,
      headers: [{ key: 'type', value: 'ping' }],
    });
  });

  it('reconnects after a hang-up', async () => {
    const platform = await startPlatform();
    const { waitForHandled } = await connectClient(platform);
    platform.gateway.open[0]?.hangUp();
    await vi.waitFor(() => expect(platform.gateway.open.length).toBe(1), wait);
    await platform.push(messageEvent('again')).settled;
    await waitForHandled(1);
  });

  it('exits if its login is rejected', async () => {
    const platform = await startPlatform();
    platform.gateway.discovery = { code: 514, msg: 'auth failed' };
    const client = startClient(platform);
    expect(await client.ended).toBe(1);
    expect(client.output()).toContain('auth failed');
  });
});

function messageEvent(text: string) {
  return {
    id: 'e1',
    text: createSample('im.message.receive_v1', { version: '2.0', token: '', event: textMessage(text) }),
  };
}
