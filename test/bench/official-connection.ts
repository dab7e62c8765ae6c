import * as lark from '@larksuiteoapi/node-sdk';
import type { EventEnvelope } from '../../lib/feishu/envelope.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';

// What functions/connection.ts is for, on the official client: each event goes to the queue before it is acknowledged.
// It does less besides: no health check, no metrics, no time limit, no callbacks, and no type of event but this one.

const { FEISHU_APP_ID = '', FEISHU_APP_SECRET = '', FEISHU_DOMAIN = '', QUEUE_URL = '' } = process.env;
const queue = createQueue(QUEUE_URL);
const { signal } = new AbortController();

const eventDispatcher = new lark.EventDispatcher({}).register({
  'im.message.receive_v1': async (event) => {
    const envelope = { kind: 'event', header: { type: 'im.message.receive_v1' }, event } as unknown as EventEnvelope;
    // The client has parsed the event and put its header into it: the text as it came is not to be had.
    const text = JSON.stringify(event);
    const receivedAt = new Date();
    await queue.send(envelope, { text, source: 'long-connection', receivedAt, requestId: undefined }, signal);
  },
});
const client = new lark.WSClient({ appId: FEISHU_APP_ID, appSecret: FEISHU_APP_SECRET, domain: FEISHU_DOMAIN });
await client.start({ eventDispatcher });
