import { GetQueueAttributesCommand, GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSqs } from '../../lib/deploy/aws-clients.ts';
import { writeRequest } from '../../lib/feishu/request.ts';
import { deliver } from '../support/deliver.ts';
import { wait } from '../support/wait.ts';
import { type Ministack, startMinistack } from './support/ministack.ts';
import { createProject, type Project } from './support/project.ts';
import { addReportingHandler, type ReportingHandler } from './support/reporting-handler.ts';

// Deploys the template, and sends events through the HTTP API, the functions, the queues and the table of the stack.

const KEY = 'encrypt-key-of-the-test';
const NEW_KEY = 'new-encrypt-key-of-the-test';
const TOKEN = 'verification-token-of-the-test';

let ministack: Ministack;
let project: Project;
let handler: ReportingHandler;
let url: string;

beforeAll(async () => {
  ministack = await startMinistack();
  // Nothing responds there: the doctor cannot reach the platform.
  project = await createProject({ ...ministack.environment, HTTPS_PROXY: 'http://127.0.0.1:1' });
  handler = await addReportingHandler(project);
  await useKeys(KEY);
  const output = await succeed('deploy', '--param', 'alarmEmail=someone@example.com');
  url = /endpoint: POST - (\S+)/.exec(output)?.[1] as string;
});
afterAll(async () => {
  await ministack.stop();
  await handler.stop();
  await project.remove();
});

const useKeys = (keys: string) =>
  project.writeEnvironment({
    FEISHU_APP_ID: 'cli_0123456789abcdef',
    FEISHU_APP_SECRET: 'app-secret-of-the-test',
    FEISHU_ENCRYPT_KEY: keys,
    FEISHU_VERIFICATION_TOKEN: TOKEN,
  });

async function succeed(...args: string[]): Promise<string> {
  const { code, output } = await project.serverless(...args);
  expect(code, output).toBe(0);
  return output;
}

/** Sends an event as the platform does, and returns the status of the response. */
async function send(text: string, encryptKey = KEY): Promise<number> {
  const request = writeRequest(handler.event(text, TOKEN), { encryptKey }, Date.now());
  return (await deliver(url, request)).status;
}

/** Returns the number of messages of a queue, visible and not. */
async function countMessages(name: string): Promise<number> {
  const sqs = openSqs(ministack.sdkConfiguration);
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: `feishu-events-dev-${name}` }));
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes ?? {}).reduce((total, count) => total + Number(count), 0);
}

async function setMapping(flag: '--enabled' | '--no-enabled'): Promise<void> {
  const { EventSourceMappings } = await ministack.aws('lambda', 'list-event-source-mappings');
  await ministack.aws('lambda', 'update-event-source-mapping', '--uuid', EventSourceMappings[0].UUID, flag);
}

describe('a deployed stack', () => {
  test('has no problems according to the doctor', async () => {
    // Repeated, because the doctor reports a slow response, and this machine may be busy.
    let output = '';
    const run = async () => {
      ({ output } = await project.serverless('doctor', 'stack'));
      return output;
    };
    await expect.poll(run, wait).toContain('No problems found.');
    expect(output).toContain(`Request URL for the developer console (Events & Callbacks): ${url}`);
    expect(output).toContain('✓ 11 alarms found, none in ALARM state');
    expect(output).toContain('✓ Alarm notifications have 1 subscriber');
  });

  test('passes a signed event from the HTTP API to its handler', async () => {
    expect(await send('hello')).toBe(200);
    await expect.poll(() => handler.attemptsOf('hello'), wait).toEqual([1]);
  });

  test('retries only the event of a batch that fails', async () => {
    await setMapping('--no-enabled');
    handler.failingOnce.add('bad');
    for (const text of ['bad', 'good']) expect(await send(text)).toBe(200);
    await setMapping('--enabled');
    await expect.poll(() => handler.attemptsOf('bad').length, wait).toBeGreaterThan(1);
    await expect.poll(() => countMessages('events'), wait).toBe(0);
    expect(handler.attemptsOf('good')).toEqual([1]);
    expect(handler.attemptsOf('bad').slice(0, 2)).toEqual([1, 2]);
  });

  test('moves an event that fails five times to the dead-letter queue, from where dlq redrives it', async () => {
    handler.failing.add('dead');
    expect(await send('dead')).toBe(200);
    await expect.poll(() => handler.attemptsOf('dead'), wait).toContain(5);
    await expect.poll(() => countMessages('events'), wait).toBe(0);
    expect(new Set(handler.attemptsOf('dead'))).toEqual(new Set([1, 2, 3, 4, 5]));
    // More than one if the machine is so busy that the webhook responded with 503 although the event was stored.
    const count = await countMessages('dead');
    const reason = 'RetryAfter: The test lets this event fail';
    expect(await succeed('dlq', 'list')).toMatch(new RegExp(`^${count} +im\\.message\\.receive_v1 +${reason}$`, 'm'));
    handler.failing.delete('dead');
    expect(await succeed('dlq', 'redrive')).toContain(`${count} moved back to the events queue.`);
    await expect.poll(() => handler.attemptsOf('dead').at(-1), wait).toBe(1);
    await expect.poll(() => countMessages('events'), wait).toBe(0);
    expect(await countMessages('dead')).toBe(0);
  });

  test('accepts the old and the new Encrypt Key during a rotation, and only the new one after it', async () => {
    await useKeys(`${KEY},${NEW_KEY}`);
    await succeed('secrets');
    await succeed('deploy', '--param', 'alarmEmail=someone@example.com');
    expect([await send('old key'), await send('new key', NEW_KEY)]).toEqual([200, 200]);
    await useKeys(NEW_KEY);
    await succeed('secrets');
    await succeed('deploy', '--param', 'alarmEmail=someone@example.com');
    expect([await send('old key again'), await send('new key again', NEW_KEY)]).toEqual([401, 200]);
    const texts = ['old key', 'new key', 'new key again'];
    await expect.poll(() => texts.map((text) => handler.attemptsOf(text)), wait).toEqual([[1], [1], [1]]);
  });
});
