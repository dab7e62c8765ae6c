import { expect, test } from 'vitest';
import { FeishuError } from '../../lib/feishu/errors.ts';
import { writeAccessLog } from '../../lib/webhook/access-log.ts';
import { writtenLines } from '../support/written-output.ts';

const line = () => JSON.parse(writtenLines()[0] ?? '');

test('counts a rejected request per service and per error code, as the dashboard shows it', () => {
  const error = new FeishuError('FEISHU_SIGNATURE_WRONG', 'The signature is wrong.');
  writeAccessLog({ result: 'rejected', error, requestId: 'r-1', milliseconds: 3 }, 'my-service');
  expect(line()).toMatchObject({
    service: 'my-service',
    code: 'FEISHU_SIGNATURE_WRONG',
    Refused: 1,
    _aws: {
      CloudWatchMetrics: [
        {
          Dimensions: [['service'], ['service', 'code']],
          Metrics: [
            { Name: 'Refused', Unit: 'Count' },
            { Name: 'Unverified', Unit: 'Count' },
          ],
        },
      ],
    },
  });
});

test('counts an accepted request per service, without an error code', () => {
  writeAccessLog({ result: 'accepted', requestId: 'r-1', milliseconds: 3 }, 'my-service');
  expect(line()).toMatchObject({
    Accepted: 1,
    AcknowledgeTime: 3,
    _aws: {
      CloudWatchMetrics: [
        {
          Dimensions: [['service']],
          Metrics: [
            { Name: 'Accepted', Unit: 'Count' },
            { Name: 'AcknowledgeTime', Unit: 'Milliseconds' },
          ],
        },
      ],
    },
  });
  expect(line()).not.toHaveProperty('code');
});

test.each([
  ['FEISHU_SIGNATURE_WRONG', 1],
  ['FEISHU_SIGNATURE_MISSING', 1],
  ['FEISHU_TOKEN_WRONG', 1],
  ['FEISHU_BODY_NOT_DECRYPTABLE', 1],
  ['FEISHU_BODY_NOT_ENCRYPTED', 1],
  ['FEISHU_ENCRYPT_KEY_MISSING', 1],
  ['FEISHU_REQUEST_TOO_OLD', undefined],
  ['FEISHU_BODY_EMPTY', undefined],
  ['FEISHU_QUEUE_UNAVAILABLE', undefined],
] as const)('counts a request with the code %s as unverified: %s', (code, count) => {
  writeAccessLog({ result: 'rejected', error: new FeishuError(code, ''), requestId: 'r-1', milliseconds: 3 });
  expect(line().Unverified).toBe(count);
});
