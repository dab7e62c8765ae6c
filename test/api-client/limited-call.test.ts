import { describe, expect, it } from 'vitest';
import { readLimitedCall } from '../../lib/api-client/limited-call.ts';

const ORIGIN = 'https://open.feishu.cn';
const MESSAGE = 'om_dc13264520392913993dd051dba21dcf';
const read = (method: string, path: string, data?: unknown) =>
  readLimitedCall({ method, url: `${ORIGIN}${path}`, data }, 'oc_of_the_event');

describe('The limits that a call counts towards', () => {
  it.each([
    ['POST', `/open-apis/im/v1/messages/${MESSAGE}/reply`, 'POST /open-apis/im/v1/messages/:id/reply'],
    ['POST', '/open-apis/im/v1/messages/om_1/reply', 'POST /open-apis/im/v1/messages/:id/reply'],
    [
      'get',
      '/open-apis/contact/v3/users/ou_7d8a6e6df7621556ce0d21922b676706ccs',
      'GET /open-apis/contact/v3/users/:id',
    ],
    ['GET', '/open-apis/contact/v3/users/batch_get_id', 'GET /open-apis/contact/v3/users/batch_get_id'],
    [
      'PUT',
      '/open-apis/sheets/v2/spreadsheets/shtcnGKIwUMfa/values',
      'PUT /open-apis/sheets/v2/spreadsheets/:id/values',
    ],
    ['GET', '/open-apis/wiki/v2/spaces/get_node?token=wikcn1', 'GET /open-apis/wiki/v2/spaces/get_node'],
  ])('of %s %s do not depend on ids', (method, path, api) => {
    expect(read(method, path)?.api).toBe(api);
  });

  it('include the chat or the user that a message is sent to', () => {
    const path = '/open-apis/im/v1/messages?receive_id_type=chat_id';
    expect(read('POST', path, { receive_id: 'oc_1' })?.recipient).toBe('oc_1');
    expect(read('POST', `/open-apis/im/v1/messages/${MESSAGE}/forward`, { receive_id: 'ou_1' })?.recipient).toBe(
      'ou_1',
    );
  });

  it('include the chat of the event for a reply, or else the message', () => {
    const path = `/open-apis/im/v1/messages/${MESSAGE}/reply`;
    expect(read('POST', path)?.recipient).toBe('oc_of_the_event');
    expect(readLimitedCall({ method: 'POST', url: path }, undefined)?.recipient).toBe(MESSAGE);
  });

  it('include the message that is changed', () => {
    for (const method of ['PATCH', 'PUT']) {
      expect(read(method, `/open-apis/im/v1/messages/${MESSAGE}`)?.recipient).toBe(MESSAGE);
    }
    expect(read('GET', `/open-apis/im/v1/messages/${MESSAGE}`)?.recipient).toBeUndefined();
    expect(read('POST', `/open-apis/im/v1/messages/${MESSAGE}/reactions`)?.recipient).toBeUndefined();
  });

  it('do not exist for tokens and for other servers', () => {
    expect(read('POST', '/open-apis/auth/v3/tenant_access_token/internal')).toBeUndefined();
    expect(readLimitedCall({ method: 'GET', url: 'https://example.com/image.png' }, undefined)).toBeUndefined();
    expect(readLimitedCall({}, undefined)).toBeUndefined();
  });
});
