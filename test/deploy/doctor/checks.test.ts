import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { type DynamoDBClient, ResourceNotFoundException } from '@aws-sdk/client-dynamodb';
import type { ECSClient } from '@aws-sdk/client-ecs';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SNSClient } from '@aws-sdk/client-sns';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkAlarms } from '../../../lib/deploy/doctor/alarms.ts';
import { checkConnection } from '../../../lib/deploy/doctor/connection.ts';
import { type Finding, problem, runCheck } from '../../../lib/deploy/doctor/finding.ts';
import { checkSecret } from '../../../lib/deploy/doctor/secret.ts';
import { checkStates } from '../../../lib/deploy/doctor/states.ts';
import { countOnlineConnections } from '../../../lib/feishu/long-connection/online-connections.ts';
import { MockPlatform } from '../../mock-platform/platform.ts';

const COMPLETE = {
  FEISHU_APP_ID: 'cli_a1b2c3d4e5f6g7h8',
  FEISHU_APP_SECRET: 'xyzzy-secret',
  FEISHU_ENCRYPT_KEY: 'one, two',
  FEISHU_VERIFICATION_TOKEN: 'token',
};

describe('the secret check', () => {
  test('accepts a complete secret', async () => {
    const { findings, values } = await secretOf(JSON.stringify(COMPLETE));
    expect(findings).toMatchObject([{ verdict: 'ok' }]);
    expect(values).toEqual(COMPLETE);
  });

  test.each([
    ['is missing', undefined],
    ['is not a JSON object', 'FEISHU_APP_ID=cli_a'],
    ['is not a JSON object', '["cli_a"]'],
    ['is not a JSON object of strings', '{"FEISHU_APP_ID":1}'],
  ])('reports a secret that %s: %s', async (what, text) => {
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
    ['FEISHU_ENCRYPT_KEY starts or ends with whitespace', { FEISHU_ENCRYPT_KEY: 'one ' }],
    ['FEISHU_APP_SECRET starts or ends with whitespace', { FEISHU_APP_SECRET: 'xyz\nzy' }],
    ['FEISHU_VERIFICATION_TOKEN starts or ends with whitespace', { FEISHU_VERIFICATION_TOKEN: '"token"' }],
    ['FEISHU_APP_ID starts or ends with whitespace', { FEISHU_APP_ID: '\u00a0cli_a1' }],
    ['the form cli_', { FEISHU_APP_ID: 'a1b2c3' }],
  ])('reports: %s', async (what, change) => {
    const { findings } = await secretOf(JSON.stringify({ ...COMPLETE, ...change }));
    expect(findings).toMatchObject([{ verdict: 'problem', text: expect.stringContaining(what) }]);
  });

  test('requires neither key nor token without a webhook', async () => {
    const text = JSON.stringify({ ...COMPLETE, FEISHU_ENCRYPT_KEY: '', FEISHU_VERIFICATION_TOKEN: '' });
    const users = { hasWebhook: false, hasConnection: true };
    expect((await secretOf(text, users)).findings).toMatchObject([{ verdict: 'ok' }]);
  });

  const withoutApp = JSON.stringify({ ...COMPLETE, FEISHU_APP_ID: undefined, FEISHU_APP_SECRET: '' });

  test('does not require app credentials without a long connection, but says what they are for', async () => {
    const { findings } = await secretOf(withoutApp);
    const text = expect.stringMatching(/cannot use `feishu`.*optional FEISHU_APP_ID and FEISHU_APP_SECRET/);
    expect(findings).toMatchObject([{ verdict: 'ok' }, { verdict: 'skipped', text }]);
  });

  test('requires app credentials with a long connection', async () => {
    const { findings } = await secretOf(withoutApp, { hasWebhook: true, hasConnection: true });
    expect(findings).toMatchObject([
      { verdict: 'problem', text: expect.stringContaining('FEISHU_APP_ID is missing') },
      { verdict: 'problem', text: expect.stringContaining('FEISHU_APP_SECRET is missing') },
    ]);
  });

  test('never prints a value', async () => {
    const broken = Object.fromEntries(Object.entries(COMPLETE).map(([name, value]) => [name, ` ${value}`]));
    const text = JSON.stringify((await secretOf(JSON.stringify(broken))).findings);
    for (const value of Object.values(COMPLETE)) expect(text).not.toContain(value);
  });
});

describe('the alarm check', () => {
  const alarm = { AlarmName: 'dead-letters', StateValue: 'OK', AlarmActions: ['arn:aws-cn:sns:cn-north-1:1:alarms'] };
  const confirmed = [{ SubscriptionArn: 'arn:aws-cn:sns:cn-north-1:1:alarms:0a' }];

  test('accepts alarms that exist, are not in ALARM state and have a subscriber', async () => {
    expect(await alarms([alarm], confirmed)).toMatchObject([{ verdict: 'ok' }, { verdict: 'ok' }]);
  });

  test.each([
    [
      'in ALARM state',
      { StateValue: 'ALARM', StateReason: '1 datapoint' },
      /dead-letters is in ALARM state\. 1 datapoint/,
    ],
    ['with disabled actions', { ActionsEnabled: false }, /actions of the alarm dead-letters are disabled/],
    ['that was deleted', { AlarmName: 'another' }, /dead-letters does not exist/],
  ])('reports an alarm %s', async (_, change, text) => {
    const [finding] = await alarms([{ ...alarm, ...change }], confirmed);
    expect(finding).toMatchObject({ verdict: 'problem', text: expect.stringMatching(text) });
  });

  test('reports a stack without alarms', async () => {
    expect(await alarms([], confirmed, [])).toMatchObject([{ verdict: 'problem' }]);
  });

  test('reports an unconfirmed subscription', async () => {
    const findings = await alarms([alarm], [{ SubscriptionArn: 'PendingConfirmation' }]);
    expect(findings[1]).toMatchObject({
      verdict: 'problem',
      text: expect.stringContaining('1 unconfirmed subscription'),
    });
  });

  test('reports a topic without subscribers', async () => {
    expect((await alarms([alarm], []))[1]).toMatchObject({ verdict: 'problem' });
  });

  test('says that alarms without a topic notify nobody', async () => {
    const findings = await alarms([{ ...alarm, AlarmActions: [] }], []);
    expect(findings[1]).toMatchObject({ verdict: 'skipped', text: expect.stringContaining('alarmEmail') });
  });
});

describe('the check of the long connection', () => {
  test.each([
    ['is running', { desiredCount: 1, runningCount: 1 }, 'ok', /running/],
    [
      'has no running task',
      { desiredCount: 1, runningCount: 0, events: [{ message: 'no capacity' }] },
      'problem',
      /0 of 1.*no capacity/,
    ],
    ['is turned off', { desiredCount: 0, runningCount: 0 }, 'problem', /turned off/],
    ['is inactive', { status: 'INACTIVE' }, 'problem', /does not exist/],
    ['does not exist', undefined, 'problem', /does not exist/],
  ])('finds that the service %s', async (_, service, verdict, text) => {
    const client = stub<ECSClient>({ services: service === undefined ? [] : [service] });
    const finding = await checkConnection(client, 'cluster', 'service', undefined);
    expect(finding).toMatchObject({ verdict, text: expect.stringMatching(text) });
  });
});

describe("the check of the app's connections", () => {
  const compare = async (online: number, tasks = 1) => {
    const client = stub<ECSClient>({ services: [{ desiredCount: tasks, runningCount: tasks }] });
    return checkConnection(client, 'cluster', 'service', async () => online);
  };

  test('accepts as many connections as there are tasks', async () => {
    expect(await compare(2, 2)).toMatchObject([
      { verdict: 'ok' },
      { verdict: 'ok', text: expect.stringMatching(/2 connections.*as many/) },
    ]);
  });

  test('reports more connections than tasks, because another process receives events', async () => {
    expect(await compare(3, 2)).toMatchObject([
      { verdict: 'ok' },
      {
        verdict: 'problem',
        text: 'The platform counts 3 connections of the app, but this stack has 2 tasks.',
        advice: expect.stringContaining('another process receives events'),
      },
    ]);
  });

  test('does not report fewer connections, because a task may still be connecting', async () => {
    expect(await compare(0)).toMatchObject([{ verdict: 'ok' }, { verdict: 'skipped' }]);
  });

  test('asks the platform with the credentials of the app, and reports no problem if it cannot', async () => {
    const platform = await MockPlatform.start();
    onTestFinished(() => platform.stop());
    platform.gateway.otherConnections = 1;
    platform.gateway.appSecret = 'xyzzy-secret';
    const client = stub<ECSClient>({ services: [{ desiredCount: 1, runningCount: 1 }] });
    const checkWith = (appSecret: string) =>
      checkConnection(client, 'cluster', 'service', () => countOnlineConnections(platform.domain, 'cli_1', appSecret));
    expect(await checkWith('xyzzy-secret')).toMatchObject([{ verdict: 'ok' }, { verdict: 'ok' }]);
    const [, failed] = (await checkWith('another-secret')) as Finding[];
    expect(failed).toMatchObject({ verdict: 'skipped', text: expect.stringContaining('app secret invalid') });
    expect(failed?.text).not.toContain('another-secret');
  });
});

test('a request that AWS rejects becomes a finding', async () => {
  const denied = Object.assign(new Error('User is not authorized to perform ecs:DescribeServices'), {
    name: 'AccessDenied',
  });
  const findings = await runCheck('The long connection', () => Promise.reject(denied));
  expect(findings).toEqual([
    problem(
      'The long connection could not be checked: AccessDenied: User is not authorized to perform ecs:DescribeServices',
      'Your credentials lack the permission named in the message.',
    ),
  ]);
});

/** Mocks an AWS client, because AWS costs money. */
describe('the check of the table of states', () => {
  const dynamo = stub<DynamoDBClient>({ Table: {} });
  const deleted = new ResourceNotFoundException({ message: 'not found', $metadata: {} });

  test('requires the table if a handler uses it', async () => {
    expect(await checkStates(dynamo, undefined, async () => false)).toMatchObject({ verdict: 'skipped' });
    expect(await checkStates(dynamo, undefined, async () => true)).toMatchObject({
      verdict: 'problem',
      advice: expect.stringContaining('npx serverless deploy'),
    });
  });

  test('reports a table that was deleted', async () => {
    expect(await checkStates(dynamo, 'states', async () => true)).toMatchObject({ verdict: 'ok' });
    const send = () => Promise.reject(deleted);
    const finding = await checkStates({ send } as unknown as DynamoDBClient, 'states', async () => true);
    expect(finding).toMatchObject({ verdict: 'problem', text: expect.stringContaining('states was deleted') });
  });
});

function stub<Client>(response: object): Client {
  return { send: async () => response } as Client;
}

function secretOf(text: string | undefined, users = { hasWebhook: true, hasConnection: false }) {
  const missing = Object.assign(new Error('no such secret'), { name: 'ResourceNotFoundException' });
  const send = async () => (text === undefined ? Promise.reject(missing) : { SecretString: text });
  return checkSecret({ send } as unknown as SecretsManagerClient, 'feishu-events/dev', users);
}

function alarms(MetricAlarms: object[], Subscriptions: object[], names = ['dead-letters']) {
  return checkAlarms(stub<CloudWatchClient>({ MetricAlarms }), stub<SNSClient>({ Subscriptions }), names);
}
