import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { text as readText } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeRequest } from '../../../lib/feishu/request.ts';
import { ROUTES } from '../../../lib/local/inspector/wire.ts';
import type { Stack } from '../../../lib/local/stack.ts';
import { createSample } from '../../../lib/samples/samples.ts';
import { deliver } from '../../support/deliver.ts';
import { startLocalStack } from '../../support/local-stack.ts';
import { encryptKey, verificationToken as token } from '../../support/secrets.ts';
import { wait } from '../../support/wait.ts';
import { sendRequest } from './send-request.ts';

describe('The inspector of a stack that listens on all interfaces', () => {
  let exposed: Stack;
  beforeAll(async () => {
    exposed = await startLocalStack({ host: '0.0.0.0' });
  });
  afterAll(() => exposed.stop());

  const externalAddress = Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address;

  it.runIf(externalAddress !== undefined)('is available only under the names of this machine', async () => {
    const origin = exposed.pageUrl.replace('0.0.0.0', externalAddress as string);
    expect((await sendRequest(new URL(origin))).status).toBe(403);
    expect((await sendRequest(new URL(origin), { host: 'localhost' })).status).toBe(200);
  });

  it('streams the events until the stack stops', async () => {
    const outgoing = request(new URL(ROUTES.live, exposed.pageUrl), { agent: false });
    outgoing.end();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(response.headers['content-type']).toBe('text/event-stream');
    const streamed = readText(response);
    await deliver(
      exposed.webhookUrl,
      writeRequest(createSample('out_approval', { version: '1.0', token }), { encryptKey }, Date.now()),
    );
    await vi.waitFor(() => expect(exposed.events()[0]?.status).toBe('handled'), wait);
    await exposed.stop();
    const [start, ...batches] = (await streamed).trim().split('\n\n');
    expect(start).toContain('event: start');
    const records = batches.flatMap((batch) => JSON.parse(batch.replace('data: ', '')));
    expect(records[0]).toMatchObject({ type: 'out_approval' });
  });
});
