import { expect, test } from 'vitest';
import { explainRejectedUpgrade, explainRejection } from '../../../lib/feishu/long-connection/rejection.ts';

test.each([
  [403, 'FEISHU_LOGIN_REFUSED', /^The long connection is forbidden \(.*\)\. .*self-built/],
  [514, 'FEISHU_LOGIN_REFUSED', /^The app cannot log in \(.*\)\. .*FEISHU_APP_ID and FEISHU_APP_SECRET/],
  [1000040344, 'FEISHU_LOGIN_REFUSED', /^The app cannot log in \(.*\)\. .*FEISHU_DOMAIN/],
  [1000040350, 'FEISHU_TOO_MANY_CONNECTIONS', /^The app has too many connections, at most 50 are allowed \(.*\)\. /],
  [1000040345, 'FEISHU_CONNECTION_FAILED', /^No connection for now: .*\.$/],
])('the code %i is explained with the words of the platform', (code, expected, message) => {
  const error = explainRejection(code, 'in its own words');
  expect(error.code).toBe(expected);
  expect(error.message).toMatch(message);
  expect(error.message).toContain(`the platform said ${code} "in its own words"`);
});

test('the words of the platform are cut to 200 characters', () => {
  expect(explainRejection(1, `${'x'.repeat(200)}y`).message).toContain(`said 1 "${'x'.repeat(200)}"`);
});

test('a refused upgrade is explained by Handshake-Autherrcode, and without it by Handshake-Status', () => {
  const headers = { 'handshake-status': '514', 'handshake-autherrcode': '1000040350', 'handshake-msg': 'too many' };
  const error = explainRejectedUpgrade(403, headers);
  expect(error.code).toBe('FEISHU_TOO_MANY_CONNECTIONS');
  expect(error.message).toContain('the platform said 1000040350 "too many"');
  expect(explainRejectedUpgrade(403, { 'handshake-status': '514' }).message).toContain('the platform said 514 ""');
});

test.each([{}, { 'handshake-status': 'none' }])(
  'without a code, the HTTP status is all that is known: %j',
  (headers) => {
    expect(explainRejectedUpgrade(503, headers)).toMatchObject({
      code: 'FEISHU_CONNECTION_FAILED',
      message: 'The upgrade was answered with HTTP 503.',
    });
  },
);
