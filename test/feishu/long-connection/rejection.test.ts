import { expect, test } from 'vitest';
import { explainRejectedUpgrade, explainRejection } from '../../../lib/feishu/long-connection/rejection.ts';

test.each([
  [403, 'FEISHU_LOGIN_REFUSED', /^The app may not use the long connection \(.*\)\. .*custom app/],
  [514, 'FEISHU_LOGIN_REFUSED', /^The app cannot log in \(.*\)\. .*FEISHU_APP_ID and FEISHU_APP_SECRET/],
  [1000040344, 'FEISHU_LOGIN_REFUSED', /^The app cannot log in \(.*\)\. .*FEISHU_DOMAIN/],
  [1000040350, 'FEISHU_TOO_MANY_CONNECTIONS', /^The app has too many connections; at most 50 are allowed \(.*\)\. /],
  [1000040345, 'FEISHU_CONNECTION_FAILED', /^The platform rejected the connection: .*\.$/],
])("the explanation of code %i contains the platform's message", (code, expected, message) => {
  const error = explainRejection(code, 'the message');
  expect(error.code).toBe(expected);
  expect(error.message).toMatch(message);
  expect(error.message).toContain(`the platform responded with ${code} "the message"`);
});

test("the platform's message is truncated to 200 characters", () => {
  expect(explainRejection(1, `${'x'.repeat(200)}y`).message).toContain(`with 1 "${'x'.repeat(200)}"`);
});

test('a rejected upgrade is explained by Handshake-Autherrcode, or else by Handshake-Status', () => {
  const headers = { 'handshake-status': '514', 'handshake-autherrcode': '1000040350', 'handshake-msg': 'too many' };
  const error = explainRejectedUpgrade(403, headers);
  expect(error.code).toBe('FEISHU_TOO_MANY_CONNECTIONS');
  expect(error.message).toContain('the platform responded with 1000040350 "too many"');
  expect(explainRejectedUpgrade(403, { 'handshake-status': '514' }).message).toContain(
    'the platform responded with 514 ""',
  );
});

test.each([{}, { 'handshake-status': 'none' }])(
  'a rejected upgrade without a code is explained by its HTTP status: %j',
  (headers) => {
    expect(explainRejectedUpgrade(503, headers)).toMatchObject({
      code: 'FEISHU_CONNECTION_FAILED',
      message: 'The WebSocket upgrade failed with HTTP 503.',
    });
  },
);
