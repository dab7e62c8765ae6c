import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SNSClient } from '@aws-sdk/client-sns';
import { describe, expect, test } from 'vitest';
import { checkAlarms } from '../../../lib/deploy/doctor/alarms.ts';
import { checkConnection } from '../../../lib/deploy/doctor/connection.ts';
import { examine, problem } from '../../../lib/deploy/doctor/finding.ts';
import { checkSecret } from '../../../lib/deploy/doctor/secret.ts';

const COMPLETE = {
  FEISHU_APP_ID: 'cli_a1b2c3d4e5f6g7h8',
  FEISHU_APP_SECRET: 'xyzzy-secret',
  FEISHU_ENCRYPT_KEY: 'one, two',
  FEISHU_VERIFICATION_TOKEN: 'token',
};

describe('the secret', () => {
  test('that is complete is well', async () => {
    const { findings, values } = await secretOf(JSON.stringify(COMPLETE));
    expect(findings).toMatchObject([{ verdict: 'ok' }]);
    expect(values).toEqual(COMPLETE);
  });

  test.each([
    ['is missing', undefined],
    ['is no JSON object', 'FEISHU_APP_ID=cli_a'],
    ['is no JSON object', '["cli_a"]'],
  ])('%s', async (what, text) => {
    const { findings, values } = await secretOf(text);
    expect(findings).toMatchObject([{ verdict: 'problem', text: expect.stringContaining(what) }]);
    expect(values).toBeUndefined();
  });

  test.each([
    ['FEISHU_APP_ID is missing', { FEISHU_APP_ID: undefined }],
    ['FEISHU_APP_SECRET is missing', { FEISHU_APP_SECRET: '' }],
    [
      'both FEISHU_ENCRYPT_KEY and FEISHU_VERIFICATION_TOKEN',
      { FEISHU_ENCRYPT_KEY: '', FEISHU_VERIFICATION_TOKEN: '' },
    ],
    ['FEISHU_ENCRYPT_KEY has white space', { FEISHU_ENCRYPT_KEY: 'one ' }],
    ['FEISHU_APP_SECRET has white space', { FEISHU_APP_SECRET: 'xyz\nzy' }],
    ['FEISHU_VERIFICATION_TOKEN has white space', { FEISHU_VERIFICATION_TOKEN: '"token"' }],
    ['FEISHU_APP_ID has white space', { FEISHU_APP_ID: '\u00a0cli_a1' }],
    ['the form cli_', { FEISHU_APP_ID: 'a1b2c3' }],
  ])('of which %s', async (what, change) => {
    const { findings } = await secretOf(JSON.stringify({ ...COMPLETE, ...change }));
    expect(findings).toMatchObject([{ verdict: 'problem', text: expect.stringContaining(what) }]);
  });

  test('needs neither key nor token where there is no webhook', async () => {
    const text = JSON.stringify({ ...COMPLETE, FEISHU_ENCRYPT_KEY: '', FEISHU_VERIFICATION_TOKEN: '' });
    const users = { hasWebhook: false, hasConnection: true };
    expect((await secretOf(text, users)).findings).toMatchObject([{ verdict: 'ok' }]);
  });

  const withoutApp = JSON.stringify({ ...COMPLETE, FEISHU_APP_ID: undefined, FEISHU_APP_SECRET: '' });

  test("needs no app's credentials where there is a webhook only, and says what they are for", async () => {
    const { findings } = await secretOf(withoutApp);
    const text = expect.stringMatching(/cannot use `feishu`.*FEISHU_APP_ID and FEISHU_APP_SECRET, which are optional/);
    expect(findings).toMatchObject([{ verdict: 'ok' }, { verdict: 'skipped', text }]);
  });

  test("needs the app's credentials where there is a long connection", async () => {
    const { findings } = await secretOf(withoutApp, { hasWebhook: true, hasConnection: true });
    expect(findings).toMatchObject([
      { verdict: 'problem', text: expect.stringContaining('FEISHU_APP_ID is missing') },
      { verdict: 'problem', text: expect.stringContaining('FEISHU_APP_SECRET is missing') },
    ]);
  });

  test('is never printed', async () => {
    const broken = Object.fromEntries(Object.entries(COMPLETE).map(([name, value]) => [name, ` ${value}`]));
    const text = JSON.stringify((await secretOf(JSON.stringify(broken))).findings);
    for (const value of Object.values(COMPLETE)) expect(text).not.toContain(value);
  });
});

describe('the alarms', () => {
  const alarm = { AlarmName: 'dead-letters', StateValue: 'OK', AlarmActions: ['arn:aws-cn:sns:cn-north-1:1:alarms'] };
  const confirmed = [{ SubscriptionArn: 'arn:aws-cn:sns:cn-north-1:1:alarms:0a' }];

  test('that are there and quiet, and heard by someone, are well', async () => {
    expect(await alarms([alarm], confirmed)).toMatchObject([{ verdict: 'ok' }, { verdict: 'ok' }]);
  });

  test.each([
    ['that ring', { StateValue: 'ALARM', StateReason: '1 datapoint' }, /dead-letters is ringing\. 1 datapoint/],
    ['whose actions are off', { ActionsEnabled: false }, /actions turned off/],
    ['that were deleted', { AlarmName: 'another' }, /dead-letters is gone/],
  ])('%s are a problem', async (_, change, text) => {
    const [finding] = await alarms([{ ...alarm, ...change }], confirmed);
    expect(finding).toMatchObject({ verdict: 'problem', text: expect.stringMatching(text) });
  });

  test('that the stack does not have are a problem', async () => {
    expect(await alarms([], confirmed, [])).toMatchObject([{ verdict: 'problem' }]);
  });

  test('that someone has yet to confirm are a problem', async () => {
    const findings = await alarms([alarm], [{ SubscriptionArn: 'PendingConfirmation' }]);
    expect(findings[1]).toMatchObject({ verdict: 'problem', text: expect.stringContaining('not confirmed') });
  });

  test('that nobody is subscribed to are a problem', async () => {
    expect((await alarms([alarm], []))[1]).toMatchObject({ verdict: 'problem' });
  });

  test('without a topic notify nobody, which is said', async () => {
    const findings = await alarms([{ ...alarm, AlarmActions: [] }], []);
    expect(findings[1]).toMatchObject({ verdict: 'skipped', text: expect.stringContaining('alarmEmail') });
  });
});

describe('the long connection', () => {
  test.each([
    ['runs', { desiredCount: 1, runningCount: 1 }, 'ok', /running/],
    [
      'does not run',
      { desiredCount: 1, runningCount: 0, events: [{ message: 'no capacity' }] },
      'problem',
      /0 of 1.*no capacity/,
    ],
    ['is turned off', { desiredCount: 0, runningCount: 0 }, 'problem', /turned off/],
    ['is gone', { status: 'INACTIVE' }, 'problem', /gone/],
    ['is not known', undefined, 'problem', /gone/],
  ])('%s', async (_, service, verdict, text) => {
    const client = stub<ECSClient>({ services: service === undefined ? [] : [service] });
    const finding = await checkConnection(client, 'cluster', 'service');
    expect(finding).toMatchObject({ verdict, text: expect.stringMatching(text) });
  });
});

test('what AWS refuses is a finding, and no end of the others', async () => {
  const denied = Object.assign(new Error('User is not authorized to perform ecs:DescribeServices'), {
    name: 'AccessDenied',
  });
  const findings = await examine('The connection', () => Promise.reject(denied));
  expect(findings).toEqual([
    problem(
      'The connection could not be checked: AccessDenied: User is not authorized to perform ecs:DescribeServices',
      'Your own credentials lack the permission that the message names.',
    ),
  ]);
});

/** Stands for AWS, which costs money. */
function stub<Client>(answer: object): Client {
  return { send: async () => answer } as Client;
}

function secretOf(text: string | undefined, users = { hasWebhook: true, hasConnection: false }) {
  const missing = Object.assign(new Error('no such secret'), { name: 'ResourceNotFoundException' });
  const send = async () => (text === undefined ? Promise.reject(missing) : { SecretString: text });
  return checkSecret({ send } as unknown as SecretsManagerClient, 'feishu-events/dev', users);
}

function alarms(MetricAlarms: object[], Subscriptions: object[], names = ['dead-letters']) {
  return checkAlarms(stub<CloudWatchClient>({ MetricAlarms }), stub<SNSClient>({ Subscriptions }), names);
}
