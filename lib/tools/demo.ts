import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, styleText } from 'node:util';
import { readCommandLine } from '../cli/command-line.ts';
import { readLocalEnvironment } from '../cli/environment.ts';
import { type PostResult, post } from '../cli/post.ts';
import { createProgress } from '../cli/progress.ts';
import { writeRequest } from '../feishu/request.ts';
import type { EventRecord, EventStatus } from '../local/event-log.ts';
import { startStack } from '../local/stack.ts';
import type { ApiCall } from '../mock-platform/mock-platform.ts';
import { createSample, textMessage } from '../samples/samples.ts';
import { toPrintable } from '../util/printable.ts';

// npm run demo: sends events, signed and encrypted as the platform does, end to end through a local stack.

const USAGE = `Usage: npm run demo

Starts a local stack, sends events to it as the platform does, and prints the result of each. Needs no app, no account
and no configuration, and leaves no files behind.

Exits with 0 if all steps passed, 1 if any step failed.`;

readCommandLine(USAGE, {});

const progress = createProgress(process.stdout);
const encryptKey = randomBytes(16).toString('hex');
const token = randomBytes(16).toString('hex');
const TIMEOUT_MILLISECONDS = 60_000;

/** The handlers' API calls, received by the mock platform. */
const apiCalls: ApiCall[] = [];
/** Makes the next calls of this path fail. */
let outage = { path: '', failuresLeft: 0 };

const root = path.resolve(import.meta.dirname, '../..');
/** The handlers' own variables. Without app credentials, API calls go to the mock platform. */
const handlerEnvironment = Object.fromEntries(
  Object.entries(await readLocalEnvironment(root)).filter(([name]) => !name.startsWith('FEISHU_')),
);

console.log('Starting the local stack: gateway, functions, SQS, DynamoDB and S3…');
const stack = await startStack({
  root,
  environment: {
    ...handlerEnvironment,
    FEISHU_ENCRYPT_KEY: encryptKey,
    FEISHU_VERIFICATION_TOKEN: token,
    LOG_LEVEL: 'WARN',
  },
  host: '127.0.0.1',
  port: 0,
  watch: false,
  onLine: () => {},
  onNotice: console.log,
  onApiCall(call) {
    if (call.path === outage.path && outage.failuresLeft > 0) {
      outage.failuresLeft -= 1;
      throw new Error('the platform is down for a moment');
    }
    apiCalls.push(call);
  },
});
console.log(`Posting events to ${stack.webhookUrl}\n`);

let failures = 0;
try {
  await runStep('A URL verification gets its challenge back', async () => {
    const challenge = randomBytes(8).toString('hex');
    const response = await deliver(JSON.stringify({ challenge, token, type: 'url_verification' }));
    assert(response.body === JSON.stringify({ challenge }), `the response was ${response.body}`);
    return `in ${Math.round(response.milliseconds)} ms: ${response.body}`;
  });

  const message = textMessage('Hello, 世界 👋');
  const messageEvent = createSample('im.message.receive_v1', { version: '2.0', token, event: message });
  await runStep('A v2.0 message is queued, acknowledged and echoed', async () => {
    const response = await deliver(messageEvent);
    const [record] = await waitForStatuses(idOf(messageEvent), ['handled']);
    const reply = apiCalls.find(({ path: target }) => target.includes(message.message.message_id));
    assert(reply !== undefined, 'no reply was sent');
    return `acknowledged in ${Math.round(response.milliseconds)} ms, handled on attempt ${record?.attempts}\nwould have sent: ${reply?.method} ${reply?.path} ${reply?.body}`;
  });

  await runStep('A v1.0 out_approval event is handled', async () => {
    const event = createSample('out_approval', { version: '1.0', token });
    await deliver(event);
    const [record] = await waitForStatuses(idOf(event), ['handled']);
    return `handled on attempt ${record?.attempts}`;
  });

  await runStep('A card click gets an immediate response', async () => {
    const response = await deliver(createSample('card.action.trigger', { version: '2.0', token }));
    assert(response.body.includes('toast'), `the response was ${response.body}`);
    return `in ${Math.round(response.milliseconds)} ms: ${response.body}`;
  });

  await runStep('A message that is delivered twice is handled once', async () => {
    await deliver(messageEvent);
    await waitForStatuses(idOf(messageEvent), ['handled', 'duplicate']);
    const replies = apiCalls.filter(({ path: target }) => target.includes(message.message.message_id));
    assert(replies.length === 1, `${replies.length} replies were sent`);
    return 'second delivery acknowledged and skipped as a duplicate';
  });

  await runStep('An event whose handler fails twice is retried until it succeeds', async () => {
    const event = textMessage('Are you there?');
    outage = { path: `/open-apis/im/v1/messages/${event.message.message_id}/reply`, failuresLeft: 2 };
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
    await deliver(text);
    const [record] = await waitForStatuses(idOf(text), ['handled']);
    assert(record?.attempts === 3, `expected 3 attempts, got ${record?.attempts}`);
    return `handled on attempt 3, after: ${record?.lastError}`;
  });
} finally {
  await stack.stop();
}

console.log(failures === 0 ? '\nAll steps passed.' : `\nFailed steps: ${failures}.`);
process.exitCode = failures === 0 ? 0 : 1;

/** Runs a step and prints its result. */
async function runStep(title: string, step: () => Promise<string>): Promise<void> {
  progress.report(`… ${title}`);
  try {
    const details = await step();
    progress.end();
    console.log(`${styleText('green', '✓')} ${title}\n  ${indent(details)}`);
  } catch (error) {
    failures += 1;
    progress.end();
    console.log(
      `${styleText('red', '✗')} ${title}\n  ${indent(error instanceof Error ? error.message : String(error))}`,
    );
  }
}

function indent(text: string): string {
  return toPrintable(text).replaceAll('\n', '\n  ');
}

async function deliver(text: string): Promise<PostResult> {
  const response = await post(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
  assert(response.status === 200, `the webhook responded with ${response.status} ${response.body}`);
  return response;
}

/** Waits until an event's deliveries have these statuses, in any order. */
async function waitForStatuses(id: string, statuses: EventStatus[]): Promise<EventRecord[]> {
  const expected = statuses.toSorted();
  const findRecords = () => stack.events().filter((record) => record.id === id);
  const started = Date.now();
  while (Date.now() - started < TIMEOUT_MILLISECONDS) {
    const records = findRecords();
    if (isDeepStrictEqual(records.map(({ status }) => status).toSorted(), expected)) return records;
    await sleep(20);
  }
  throw new Error(`expected ${expected.join()}, got ${JSON.stringify(findRecords())}`);
}

function idOf(text: string): string {
  const body = JSON.parse(text);
  return body.header?.event_id ?? body.uuid;
}

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
