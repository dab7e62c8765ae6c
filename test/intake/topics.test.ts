import { expect, onTestFinished, test, vi } from 'vitest';
import { runConnection } from '../../lib/connection/connection.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample, samplePayload } from '../../lib/samples/samples.ts';
import { createWebhook } from '../../lib/webhook/webhook.ts';
import { MockPlatform } from '../mock-platform/platform.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { toHttpEvent } from '../support/http-events.ts';
import { encryptKey } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';

const aws = emulatedAws({ ordering: 'conversation' });
const noCallback = () => Promise.reject(new Error('No callback is expected'));

/** A message in a topic of a chat. */
function messageIn(topic: string, id: string): string {
  const { sender, message } = samplePayload('im.message.receive_v1');
  const event = { sender, message: { ...message, message_id: id, chat_id: 'oc_1', thread_id: topic } };
  return createSample('im.message.receive_v1', { version: '2.0', token: '', event });
}

test.each([
  ['topic', ['omt_1', 'omt_2', 'omt_1', 'omt_2']],
  ['conversation', ['oc_1', 'oc_1', 'oc_1', 'oc_1']],
])('with ordering=%s, both transports put a message into the same group', async (ordering, groups) => {
  const environment = { ...aws.environment, QUEUE_ORDERING: ordering };
  const webhook = createWebhook(noCallback, { ...environment, FEISHU_ENCRYPT_KEY: encryptKey });
  for (const topic of ['omt_1', 'omt_2']) {
    const request = writeRequest(messageIn(topic, `${ordering}-${topic}-webhook`), { encryptKey }, Date.now());
    await vi.waitFor(async () => expect(await webhook(toHttpEvent(request))).toMatchObject({ statusCode: 200 }), wait);
  }
  const platform = await MockPlatform.start();
  onTestFinished(() => platform.stop());
  const stop = new AbortController();
  const app = { FEISHU_APP_ID: 'cli_1', FEISHU_APP_SECRET: 'secret', FEISHU_DOMAIN: platform.domain };
  const ended = runConnection(noCallback, stop.signal, { ...environment, ...app, HEALTH_PORT: '0' });
  await vi.waitFor(() => expect(platform.gateway.open).toHaveLength(1), wait);
  for (const topic of ['omt_1', 'omt_2']) {
    const id = `${ordering}-${topic}-connection`;
    await vi.waitFor(async () => {
      const delivery = platform.push({ id, text: messageIn(topic, id) });
      await delivery.settled;
      expect(delivery.state).toBe('acknowledged');
    }, wait);
  }
  stop.abort();
  expect(await ended).toBe(0);
  const records = await aws.drain();
  expect(records.map(({ attributes }) => attributes.MessageGroupId).sort()).toEqual([...groups].sort());
});
