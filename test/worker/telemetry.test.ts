import { Console } from 'node:console';
import { PassThrough } from 'node:stream';
import type { SQSRecord } from 'aws-lambda';
import { expect, test } from 'vitest';
import { createWorkerTelemetry } from '../../lib/worker/telemetry.ts';

function startLog() {
  const output = new PassThrough();
  const telemetry = createWorkerTelemetry({}, { console: new Console(output), publish() {} });
  return {
    telemetry,
    lines: () =>
      String(output.read() ?? '')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
  };
}

const recordOf = (messageId: string, attempt: number) =>
  ({ messageId, attributes: { ApproximateReceiveCount: `${attempt}` } }) as SQSRecord;
const headerOf = (id: string) => ({ version: '2.0', id, type: 'im.message.receive_v1' }) as never;

test('each line of a concurrent event has the keys of its own message', () => {
  const { telemetry, lines } = startLog();
  const first = telemetry.logOf(recordOf('first', 1), headerOf('a'));
  const second = telemetry.logOf(recordOf('second', 3), headerOf('b'));
  first.info('one', { chat: 'oc_1' });
  second.info('two');
  first.info('three');
  telemetry.log.info('four');
  const keys = lines().map(({ message, message_id, attempt, event_id, chat }) => [
    message,
    message_id,
    attempt,
    event_id,
    chat,
  ]);
  expect(keys).toEqual([
    ['one', 'first', 1, 'a', 'oc_1'],
    ['two', 'second', 3, 'b', undefined],
    ['three', 'first', 1, 'a', undefined],
    ['four', undefined, undefined, undefined, undefined],
  ]);
});

test('a line has its level, message, time and service before the keys of its event', () => {
  const { telemetry, lines } = startLog();
  telemetry.logOf(recordOf('first', 1), headerOf('a')).warn('one', { chat: 'oc_1' });
  const [line] = lines();
  expect(line).toMatchObject({ level: 'WARN', message: 'one', service: 'feishu-events' });
  const names = Object.keys(line).filter((name) => name !== 'sampling_rate');
  expect(names).toEqual([
    ...['level', 'message', 'timestamp', 'service'],
    ...['message_id', 'attempt', 'event_id', 'event_type', 'chat'],
  ]);
});
