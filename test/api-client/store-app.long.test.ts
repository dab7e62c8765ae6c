import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { writeRequest } from '../../lib/feishu/request.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { PlatformApi } from '../support/platform-api.ts';
import { wait } from '../support/wait.ts';

const STORE_APP = { FEISHU_APP_TYPE: 'store' };

describe('The bundles of a store app', () => {
  it('reply to a message with the deployed official SDK', async () => {
    await using platform = await PlatformApi.start();
    platform.validTickets.add('a ticket');
    const encryptKey = 'an encrypt key';
    const stack = await startLocalStack({
      environment: { FEISHU_ENCRYPT_KEY: encryptKey, ...platform.environment, ...STORE_APP },
    });
    onTestFinished(() => stack.stop());
    const send = (text: string) => deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
    const ticket = { app_id: platform.appId, tenant_key: undefined, app_ticket: 'a ticket' };
    await send(createSample('app_ticket', { version: '1.0', token: '', event: ticket }));
    await vi.waitFor(() => expect(stack.events()).toMatchObject([{ type: 'app_ticket', status: 'handled' }]), wait);
    await send(createSample('im.message.receive_v1', { version: '2.0', token: '', event: textMessage('Hello') }));
    await vi.waitFor(() => expect(platform.sent).toEqual([{ tenant: '2ca1d211f64f6438', text: 'Hello' }]), wait);
  });
});
