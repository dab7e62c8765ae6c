import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { post } from '../../lib/cli/post.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { startEmulators } from '../../lib/local/emulators/emulators.ts';
import type { EventRecord } from '../../lib/local/event-log.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { npmStart } from '../support/npm-start.ts';
import { createProject, type TemporaryProject } from '../support/project.ts';
import type { Running } from '../support/run.ts';
import { wait } from '../support/wait.ts';

const TYPE = 'im.chat.disbanded_v1';
const encryptKey = 'an encrypt key';
const token = 'a-verification-token';

/** Five batches of ten events can be in flight when the process is killed. */
const MAXIMUM_IN_FLIGHT = 50;

describe('After a kill, npm start', () => {
  let project: TemporaryProject;
  const effects: string[] = [];
  const server = createServer(async (request, response) => {
    effects.push((request.url as string).slice(1));
    await sleep(5);
    response.end();
  });
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    project = await createProject();
    await project.writeHandler(
      `v2/${TYPE}.ts`,
      `import { onEvent, RetryAfter } from '#feishu-events';
       export default onEvent('${TYPE}', async (event, { header, uuid }) => {
         if (event.chat_id === 'fails') throw new RetryAfter(0, 'never');
         if (event.chat_id === 'later') throw new RetryAfter(3600, 'not yet');
         await fetch(\`http://127.0.0.1:${(server.address() as AddressInfo).port}/\${header.id}.\${uuid('effect')}\`);
       });`,
    );
  });
  afterAll(async () => {
    await project[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });

  const environment = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token };
  const startReady = async () => {
    const { running, webhookUrl: url, eventsUrl } = await npmStart(project.root, environment);
    return { running, url, listEvents: async () => (await fetch(eventsUrl)).json() as Promise<EventRecord[]> };
  };
  const sample = (chat = 'chat') => createSample(TYPE, { version: '2.0', token, event: { chat_id: chat } });
  const idOf = (text: string): string => JSON.parse(text).header.event_id;
  const signed = (text: string) => writeRequest(text, { encryptKey }, Date.now());
  const send = async (url: string, text: string) => (await post(url, signed(text))).status;
  const kill = async ({ process, ended }: Running) => {
    process.kill('SIGKILL');
    await ended;
  };

  it('handles all acknowledged events once, and keeps dead letters', async () => {
    const acknowledged = new Set<string>();
    const deadIds: string[] = [];
    const killedAfter = [30, 90, 1, 160, 60];
    for (const [round, count] of killedAfter.entries()) {
      const { running, url, listEvents } = await startReady();
      const dead = sample('fails');
      expect((await deliver(url, signed(dead))).status).toBe(200);
      deadIds.push(idOf(dead));
      const isDead = async () => (await listEvents()).find(({ id }) => id === idOf(dead))?.status === 'dead';
      // In the second round, the process is killed while this event is being retried.
      if (round !== 1) await vi.waitFor(async () => expect(await isDead()).toBe(true), wait);
      let left = count;
      const killed = Promise.withResolvers<void>();
      const sender = async () => {
        for (; left > 0; ) {
          const text = sample();
          // Without a response, the event is not acknowledged, and the platform would resend it.
          if ((await send(url, text).catch(() => 0)) !== 200) continue;
          acknowledged.add(idOf(text));
          left -= 1;
          if (left === 0) killed.resolve(kill(running));
        }
      };
      await Promise.all([...Array.from({ length: 20 }, sender), killed.promise]);
    }

    const { running, url, listEvents } = await startReady();
    await using _ = running;
    const later = sample('later');
    expect((await deliver(url, signed(later))).status).toBe(200);
    const idsOf = (texts: string[]) => new Set(texts.map((text) => text.split('.')[0]));
    await vi.waitFor(() => expect(acknowledged.difference(idsOf(effects)).size).toBe(0), wait);
    // A killed handler runs again with the same uuid. No other effect is repeated.
    expect(idsOf(effects).size).toBe(new Set(effects).size);
    expect(effects.length - new Set(effects).size).toBeLessThanOrEqual(killedAfter.length * MAXIMUM_IN_FLIGHT);
    await vi.waitFor(async () => {
      const events = await listEvents();
      expect(events.filter(({ status }) => status === 'dead').map(({ id }) => id)).toEqual(
        expect.arrayContaining(deadIds),
      );
      expect(events.find(({ id }) => id === idOf(later))?.status).toBe('retrying');
    }, wait);
    await vi.waitFor(async () => {
      const queued = (await listEvents()).filter(({ status }) => status === 'queued' || status === 'retrying');
      expect(queued.map(({ id }) => id)).toEqual([idOf(later)]);
    }, wait);
    const handled = new Set(effects);
    const calls = effects.length;
    running.process.kill('SIGTERM');
    expect((await running.ended).output).toMatch(
      /1 event\(s\) are still queued\. They are stored in \S+\.local for the next/,
    );

    // Another start repeats no effect.
    const last = await startReady();
    await using __ = last.running;
    const events = await last.listEvents();
    expect(events.find(({ id }) => id === idOf(later))).toMatchObject({ status: 'retrying', attempts: 1, type: TYPE });
    expect(events.length).toBe(deadIds.length + 1);
    await kill(last.running);
    expect([effects.length, new Set(effects)]).toEqual([calls, handled]);

    const dataFolder = path.join(project.root, '.local');
    const emulators = await startEmulators({ ordering: 'none', visibilityTimeoutSeconds: 360, dataFolder });
    const receive = new ReceiveMessageCommand({ QueueUrl: emulators.deadLetterQueueUrl, MaxNumberOfMessages: 10 });
    const { Messages = [] } = await emulators.sqs.send(receive);
    expect(new Set(Messages.map(({ Body = '' }) => idOf(Body)))).toEqual(new Set(deadIds));
    await emulators.stop();
  });
});
