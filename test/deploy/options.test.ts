import { describe, expect, test } from 'vitest';
import { readChangedParameters, readOptions } from '../../lib/deploy/options.ts';
import type { Serverless } from '../../lib/deploy/serverless.ts';

const DEFAULTS = {
  domain: 'https://open.feishu.cn',
  appType: 'self',
  configureApp: false,
  ordering: 'none',
  webhook: true,
  longConnection: false,
  alarmEmail: '',
  workerConcurrency: 10,
  workerTimeout: 60,
  limitCallRate: false,
  logLevel: 'INFO',
  connectionSpot: false,
  connectionVpc: '',
  connectionSubnets: '',
  noEventsAlarmHours: 0,
  webhookRateLimit: 2000,
  webhookBurstLimit: 1000,
  tracing: 'none',
  connectionCount: 1,
  connectionPublicIp: true,
  connectionFetchImage: 'aws-cli',
  connectionImage: 'node:24',
};

const serverless = (section: Record<string, unknown>, commandLine: string[] = []) =>
  ({
    configurationInput: { params: { default: DEFAULTS, prod: section } },
    processedInput: { commands: ['deploy'], options: { param: commandLine }, isHelpRequest: false },
    getProvider: () => ({ getStage: () => 'prod' }),
  }) as unknown as Serverless;

describe('An invalid value is rejected with the name of the parameter and the allowed values', () => {
  test.each([
    [{ ordering: 'chat' }, 'ordering must be none, conversation or topic, not "chat"'],
    [{ workerConcurrency: 1 }, 'workerConcurrency must be an integer from 2 to 1000, not "1"'],
    [{ workerConcurrency: 1001 }, 'workerConcurrency must be an integer from 2 to 1000, not "1001"'],
    [{ workerConcurrency: '1e2' }, 'workerConcurrency must be an integer from 2 to 1000, not "1e2"'],
    [{ domain: 'open.feishu.cn' }, 'domain must be https://open.feishu.cn or https://open.larksuite.com'],
    [{ domain: 'https://feishu.cn' }, 'domain must be https://open.feishu.cn or https://open.larksuite.com'],
    [{ limitCallRate: 'on' }, 'limitCallRate must be true or false, not "on"'],
    [{ logLevel: 'verbose' }, 'logLevel must be DEBUG, INFO, WARN or ERROR, not "verbose"'],
    [{ alarmEmail: 'a@b@c' }, 'alarmEmail must be one email address, or none, not "a@b@c"'],
    [{ alarmEmail: 'a@b.example,c@d.example' }, 'alarmEmail must be one email address'],
    [{ configureApp: true, appType: 'store' }, 'The platform configures store apps only in its console'],
    [{ connectionSpot: true }, 'connectionSpot=true requires the long connection'],
    [{ connectionVpc: 'my-vpc', connectionSubnets: 'subnet-1' }, 'connectionVpc must be a VPC id'],
    [{ connectionImage: 'node 24' }, 'connectionImage must name a container image, not "node 24"'],
  ])('%j', (section, message) => {
    expect(() => readOptions(serverless(section))).toThrow(message);
  });
});

test('The bounds of workerConcurrency and both platforms are accepted', () => {
  for (const workerConcurrency of [2, 1000]) readOptions(serverless({ workerConcurrency }));
  readOptions(serverless({ domain: 'https://open.larksuite.com' }));
});

test('none on the command line empties a parameter without a default', () => {
  const cleared = serverless({ alarmEmail: 'a@b.example' }, ['alarmEmail=none', 'ordering=none']);
  expect(readOptions(cleared)).toMatchObject({ alarmEmail: '', ordering: 'none' });
  expect(readChangedParameters(cleared)).toEqual({});
});

test('The parameters that differ from the defaults come from the command line, then from the section of the stage', () => {
  const both = serverless({ workerConcurrency: 20, logLevel: 'DEBUG', webhook: true }, ['logLevel=WARN']);
  expect(readChangedParameters(both)).toEqual({ workerConcurrency: '20', logLevel: 'WARN' });
});
