import { expect, test } from 'vitest';
import { DEFAULT_SETTINGS, readPongSettings, readSettings } from '../../../lib/feishu/long-connection/settings.ts';

const PREVIOUS = { pingIntervalMs: 30_000, reconnectIntervalMs: 40_000, reconnectNonceMs: 20_000 };

test('the defaults are those of the official SDKs', () => {
  expect(DEFAULT_SETTINGS).toEqual({
    pingIntervalMs: 120_000,
    reconnectIntervalMs: 120_000,
    reconnectNonceMs: 30_000,
  });
});

test('each interval is converted from seconds to milliseconds', () => {
  const settings = { pingIntervalMs: 90_000, reconnectIntervalMs: 5_000, reconnectNonceMs: 8_000 };
  expect(readSettings({ PingInterval: 90, ReconnectInterval: 5, ReconnectNonce: 8 }, PREVIOUS)).toEqual(settings);
});

test.each([
  [0.001, 1_000],
  [1, 1_000],
  [600, 600_000],
  [601, 600_000],
])('%d s become %d ms, between one second and ten minutes', (seconds, expected) => {
  expect(readSettings({ PingInterval: seconds }, PREVIOUS).pingIntervalMs).toBe(expected);
});

test.each([
  [0, 0],
  [60, 60_000],
  [61, 60_000],
  [-1, PREVIOUS.reconnectNonceMs],
  [Number.NaN, PREVIOUS.reconnectNonceMs],
  ['30', PREVIOUS.reconnectNonceMs],
])('a nonce of %j s becomes %i ms', (seconds, expected) => {
  expect(readSettings({ ReconnectNonce: seconds }, PREVIOUS).reconnectNonceMs).toBe(expected);
});

test.each([undefined, 0, -1, Number.NaN, '60', null, true, {}, [60]])('an interval of %j is ignored', (value) => {
  expect(readSettings({ PingInterval: value, ReconnectInterval: value }, PREVIOUS)).toEqual(PREVIOUS);
});

test.each([undefined, null, 'text', 5, [], {}])('a ClientConfig of %j changes nothing', (config) => {
  expect(readSettings(config, PREVIOUS)).toEqual(PREVIOUS);
});

test.each([undefined, '', 'pong', 'null', '[1]', '{"PingInterval":'])('a pong of %j changes nothing', (payload) => {
  const bytes = payload === undefined ? undefined : Buffer.from(payload);
  expect(readPongSettings(bytes, PREVIOUS)).toEqual(PREVIOUS);
});

test('a pong with settings changes them', () => {
  const payload = Buffer.from('{"PingInterval":60,"ReconnectInterval":70,"ReconnectNonce":5}');
  expect(readPongSettings(payload, PREVIOUS)).toEqual({
    pingIntervalMs: 60_000,
    reconnectIntervalMs: 70_000,
    reconnectNonceMs: 5_000,
  });
});
