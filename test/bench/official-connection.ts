import * as lark from '@larksuiteoapi/node-sdk';
import type { EventEnvelope } from '../../lib/feishu/envelope.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';

// Does with the official client what functions/connection.ts does: queues each event before it is acknowledged, with one
// request per event. It has no health check, metrics, time limit or callbacks, and receives only one event type.

const { FEISHU_APP_ID = '', FEISHU_APP_SECRET = '', FEISHU_DOMAIN = '', QUEUE_URL = '' } = process.env;
const queue = createQueue(QUEUE_URL);
const { signal } = new AbortController();

const eventDispatcher = new lark.EventDispatcher({}).register({
  'im.message.receive_v1': async (event) => {
    const envelope = { kind: 'event', header: { type: 'im.message.receive_v1' }, event } as unknown as EventEnvelope;
    // The client parses the event and merges its header into it; the original text is not available.
    const text = JSON.stringify(event);
    const receivedAt = new Date();
    await queue.send(envelope, { text, source: 'long-connection', receivedAt, requestId: undefined }, signal);
  },
});
const client = new lark.WSClient({ appId: FEISHU_APP_ID, appSecret: FEISHU_APP_SECRET, domain: FEISHU_DOMAIN });
await client.start({ eventDispatcher });
