import { describe, expect, it, vi } from 'vitest';
import { createApprovals } from '../../lib/approvals/approvals.ts';
import { decrypt, encrypt } from '../../lib/feishu/cipher.ts';
import {
  ApprovalError,
  type ApprovalHandler,
  type ApprovalOptionsRequest,
  onApprovalOptions,
  onQuickApproval,
  type QuickApproval,
} from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import type { HttpEvent } from '../../lib/webhook/http.ts';
import { modulesOf } from '../support/handler-modules.ts';
import { hostileValues } from '../support/hostile-values.ts';
import { TRANSPORTS, toHttpEvent } from '../support/http-events.ts';
import { encryptKey as key, verificationToken as token } from '../support/secrets.ts';
import { writtenLines } from '../support/written-output.ts';

// The examples of https://open.feishu.cn/document/ukTMukTMukTM/uADM4QjLwADO04CMwgDN and
// https://open.feishu.cn/document/ukTMukTMukTM/ukjNyYjL5YjM24SO2IjN/quick-approval-callback.
const OPTIONS_REQUEST = {
  user_id: '123',
  employee_id: 'abc',
  linkage_params: { key1: 'value1', key2: 'value2' },
  page_token: 'xxxxx',
  query: '北京',
  locale: 'zh_cn',
};
const DECISION = {
  action_type: 'APPROVE',
  action_context: '12345',
  user_id: 'b85s39b',
  approval_code: 'A3895051-9B16-4ABA-B785-AD2986177BB1',
  instance_id: 'people_1234',
  task_id: 'step1',
  reason: 'ok',
  attachments: [{ file_type: 'IMAGE', file_name: '1.png', file_size: 12345, url: 'https://example.com/1.png' }],
};

/** As the tests post to the module `m`. */
const at = (event: HttpEvent, name = 'm'): HttpEvent => ({
  ...event,
  ...('rawPath' in event ? { rawPath: `/feishu/approvals/${name}` } : { path: `/feishu/approvals/${name}` }),
});

async function post(handler: ApprovalHandler | ImportModule, body: string, name = 'm') {
  const importModule = typeof handler === 'function' ? handler : modulesOf({ m: handler });
  const approvals = createApprovals(importModule, { POWERTOOLS_SERVICE_NAME: 'my-service' });
  const response = await approvals(at(toHttpEvent({ headers: {}, body: Buffer.from(body) }), name));
  return { status: response.statusCode, body: JSON.parse(response.body), response };
}

const plain = (request: object) => JSON.stringify({ ...request, token });
const encrypted = (request: object) => JSON.stringify({ encrypt: encrypt(plain(request), key) });
const lines = () => writtenLines().map((line) => JSON.parse(line));

describe('A data source of options', () => {
  it.each(TRANSPORTS)('receives the request without its token, and responds, invoked by $name', async ({ toEvent }) => {
    const received: ApprovalOptionsRequest[] = [];
    const handler = onApprovalOptions({ token }, (request) => {
      received.push(request);
      const names = { zh_cn: '值2', en_us: 'value2' };
      const options = [
        { id: 'a', text: '值1', isDefault: true },
        { id: 'b', text: names },
      ];
      return { options, nextPageToken: 'p2' };
    });
    const approvals = createApprovals(modulesOf({ m: handler }), {});
    const response = await approvals(at(toEvent({ headers: {}, body: Buffer.from(plain(OPTIONS_REQUEST)) })));
    expect(response.statusCode).toBe(200);
    expect(JSON.parse(response.body)).toEqual({
      code: 0,
      msg: 'success',
      data: {
        result: {
          options: [
            { id: 'a', value: '@i18n@a', isDefault: true },
            { id: 'b', value: '@i18n@b' },
          ],
          i18nResources: [
            { locale: 'zh_cn', isDefault: true, texts: { '@i18n@a': '值1', '@i18n@b': '值2' } },
            { locale: 'en_us', isDefault: false, texts: { '@i18n@a': '值1', '@i18n@b': 'value2' } },
          ],
          hasMore: true,
          nextPageToken: 'p2',
        },
      },
    });
    expect(received).toEqual([OPTIONS_REQUEST]);
  });

  it('encrypts the result if it has a key, whether or not the request is encrypted', async () => {
    const handler = onApprovalOptions({ token, key }, () => ({ options: [] }));
    for (const body of [plain(OPTIONS_REQUEST), encrypted(OPTIONS_REQUEST)]) {
      const { status, body: response } = await post(handler, body);
      expect([status, response.code]).toEqual([200, 0]);
      expect(JSON.parse(decrypt(response.data.result, key))).toEqual({
        options: [],
        i18nResources: [{ locale: 'zh_cn', isDefault: true, texts: {} }],
        hasMore: false,
      });
    }
  });

  it('reports a message for the user as a failure that the platform reads', async () => {
    const handler = onApprovalOptions({ token }, () => {
      throw new ApprovalError('no customers of yours');
    });
    const { status, body } = await post(handler, plain({}));
    expect([status, body.code, body.msg]).toEqual([200, 1, 'no customers of yours']);
    expect(JSON.stringify(lines())).not.toContain('no customers');
  });

  it.each([
    ['nothing', undefined, 'must return { options'],
    ['no list', { options: 'a' }, 'must return { options'],
    ['an option without an id', { options: [{ id: '', text: 'a' }] }, 'options[0].id'],
    ['an option that is null', { options: [null] }, 'options[0].id'],
    [
      'an option without a text',
      {
        options: [
          { id: 'a', text: 'a' },
          { id: 'b', text: {} },
        ],
      },
      'options[1].text',
    ],
    [
      'an option twice',
      {
        options: [
          { id: 'a', text: '1' },
          { id: 'a', text: '2' },
        ],
      },
      'the same id',
    ],
  ])('fails with a reason in the log if it returns %s', async (_, result, reason) => {
    const { status, body } = await post(
      onApprovalOptions({ token }, () => result as never),
      plain({}),
    );
    expect([status, body.code]).toEqual([500, 500]);
    expect(lines()).toEqual([expect.objectContaining({ level: 'ERROR', error: expect.stringContaining(reason) })]);
  });
});

describe('A data source of options', () => {
  it.each(hostileValues)('fails if it returns %s', async (_, value) => {
    // Not a promise, which would call `then` of the value.
    const handler = onApprovalOptions({ token }, () => ({ options: [value] }) as never);
    expect(await post(handler, plain({}))).toMatchObject({ status: 500 });
  });
});

describe('The handler of quick approvals', () => {
  it('receives the decision without its token, and the id of the message exactly', async () => {
    const received: QuickApproval[] = [];
    const handler = onQuickApproval({ token, key }, (approval) => {
      received.push(approval);
    });
    const text = plain(DECISION).replace('{', '{"message_id":6968359614150508564,');
    const result = await post(handler, JSON.stringify({ encrypt: encrypt(text, key) }));
    expect([result.status, result.body]).toEqual([200, {}]);
    expect(received).toEqual([{ ...DECISION, message_id: '6968359614150508564' }]);
    expect(lines()).toEqual(
      [{ approval: 'm', service: 'my-service', level: 'INFO', message: 'Responded to Approval' }].map((line) =>
        expect.objectContaining({ ...line, milliseconds: expect.any(Number) }),
      ),
    );
  });

  it('accepts plain requests only without a key', async () => {
    const handle = vi.fn();
    expect(await post(onQuickApproval({ token }, handle), plain(DECISION))).toMatchObject({ status: 200 });
    expect(await post(onQuickApproval({ token, key }, handle), plain(DECISION))).toMatchObject({ status: 401 });
    expect(handle).toHaveBeenCalledOnce();
  });

  it('shows its message to the user with a status above 400', async () => {
    const handler = onQuickApproval({ token }, async () => {
      throw new ApprovalError('预算已用完');
    });
    const { status, body } = await post(handler, plain(DECISION));
    expect(status).toBe(422);
    expect(body).toMatchObject({ message: '预算已用完', without_prefix: 'true' });
  });

  it('shows a general message if it fails, and the log has the error', async () => {
    const handler = onQuickApproval({ token }, () => {
      throw new Error('the database is down');
    });
    const { status, body } = await post(handler, plain(DECISION));
    expect(status).toBe(500);
    expect(body).toMatchObject({ message: expect.stringContaining('Please try again'), without_prefix: 'true' });
    expect(JSON.stringify(body)).not.toContain('database');
    expect(lines()).toEqual([expect.objectContaining({ level: 'ERROR', error: 'Error: the database is down' })]);
  });

  it.each(hostileValues)('fails if it throws %s', async (_, thrown) => {
    const handler = onQuickApproval({ token }, () => {
      throw thrown;
    });
    expect(await post(handler, plain(DECISION))).toMatchObject({ status: 500 });
  });
});

describe('The time limit', () => {
  it.each([
    ['options', 2300, 1000, onApprovalOptions],
    ['quick approvals', 9000, 3000, onQuickApproval],
  ])('of %s is %i ms from the arrival at the gateway', async (_, limit, coldStart, define) => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
    try {
      let aborted: unknown;
      const handler = define({ token }, (_request, { signal }) => {
        signal.addEventListener('abort', () => {
          aborted = signal.reason;
        });
        return new Promise<never>(() => {});
      });
      const approvals = createApprovals(modulesOf({ m: handler }), {});
      const event = at(toHttpEvent({ headers: {}, body: Buffer.from(plain(DECISION)) }));
      await vi.advanceTimersByTimeAsync(coldStart);
      const response = approvals(event);
      await vi.advanceTimersByTimeAsync(limit - coldStart - 1);
      expect(aborted).toBeUndefined();
      await vi.advanceTimersByTimeAsync(1);
      expect(aborted).toMatchObject({ name: 'TimeoutError' });
      expect(await response).toMatchObject({ statusCode: 500 });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('A request that is not authentic', () => {
  it.each([
    ['options, plain', onApprovalOptions({ token }, () => ({ options: [] }))],
    ['options with a key', onApprovalOptions({ token, key }, () => ({ options: [] }))],
    ['a quick approval, plain', onQuickApproval({ token }, () => {})],
    ['a quick approval with a key', onQuickApproval({ token, key }, () => {})],
  ])('gets the same response, whatever is wrong: %s', async (_, handler) => {
    const bodies = [
      '',
      'text',
      '[]',
      JSON.stringify({ ...DECISION, token: 'other' }),
      JSON.stringify(DECISION),
      JSON.stringify({ encrypt: encrypt(JSON.stringify({ ...DECISION, token: 'other' }), key) }),
      JSON.stringify({ encrypt: encrypt('text', key) }),
      JSON.stringify({ encrypt: encrypt(plain(DECISION), 'another key') }),
      JSON.stringify({ encrypt: Buffer.alloc(64).toString('base64') }),
      JSON.stringify({ encrypt: 'no base64' }),
      `{"x":"${'x'.repeat(300_000)}"}`,
    ];
    const responses = await Promise.all(bodies.map(async (body) => (await post(handler, body)).response));
    expect(new Set(responses.map((response) => JSON.stringify(response))).size).toBe(1);
    expect(responses[0]?.statusCode).toBe(401);
    expect(lines().map(({ reason }) => reason)).toEqual(bodies.map(() => expect.stringMatching(/\w/)));
    expect(new Set(lines().map(({ reason }) => reason)).size).toBeGreaterThan(3);
  });
});

describe('Every request is rejected', () => {
  it.each([
    ['the token is not set', { token: undefined }, 'has no token'],
    ['the token is empty', { token: '' }, 'has no token'],
    ['the variable of the key is not set', { token, key: undefined }, 'key of the module is empty'],
    ['the key is empty', { token, key: '' }, 'key of the module is empty'],
  ])('if %s', async (_, settings, reason) => {
    const handle = vi.fn();
    for (const define of [onApprovalOptions, onQuickApproval]) {
      expect(await post(define(settings, handle), plain({ token: '' }))).toMatchObject({ status: 500 });
    }
    expect(handle).not.toHaveBeenCalled();
    expect(lines()[0]).toMatchObject({ level: 'ERROR', approval: 'm', error: expect.stringContaining(reason) });
  });

  it('if no module has the name', async () => {
    for (const name of ['other', '', '..', '%2e%2e', 'constructor']) {
      expect(
        await post(
          onQuickApproval({ token }, () => {}),
          plain({}),
          name,
        ),
      ).toMatchObject({ status: 404 });
    }
  });

  it('if the module exports something else, or fails to load', async () => {
    expect(await post(modulesOf({ m: { kind: 'v2', type: 'm', handle() {} } }), plain({}))).toMatchObject({
      status: 500,
    });
    const broken: ImportModule = async () => {
      throw new Error('broken');
    };
    expect(await post(broken, plain({}))).toMatchObject({ status: 500 });
    expect(lines()[1]).toMatchObject({ error: 'Error: broken' });
  });
});
