import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { readCommandLine } from '../cli/command-line.ts';
import { type PostResult, post } from '../cli/post.ts';
import { createProgress } from '../cli/progress.ts';
import { writeRequest } from '../feishu/request.ts';
import type { EventRecord, EventStatus } from '../local/event-log.ts';
import type { ApiCall } from '../local/mock-platform.ts';
import { startStack } from '../local/stack.ts';
import { createSample, textMessage } from '../samples/samples.ts';
import { toPrintable } from '../util/printable.ts';

// npm run demo: real events, signed and encrypted as the platform does it, through the whole way on this machine.

const USAGE = `Usage: npm run demo

Starts the local stack for itself, sends events through it as the platform does, and says what became of each. It needs
no app, no account and no settings, and leaves nothing behind.

Exits with 0 when all of it happened, with 1 when not.`;

readCommandLine(USAGE, {});

const progress = createProgress(process.stdout);
const encryptKey = randomBytes(16).toString('hex');
const token = randomBytes(16).toString('hex');
const PATIENCE_MILLISECONDS = 60_000;

/** What the handlers have sent to the platform, or would have. */
const apiCalls: ApiCall[] = [];
/** The reply to this message fails as often as said. */
let outage = { path: 'none yet', failuresLeft: 0 };

console.log('Starting the local stack: gateway, functions, SQS and DynamoDB …');
const stack = await startStack({
  root: path.resolve(import.meta.dirname, '../..'),
  // No app of yours takes part: what the handlers send goes to a stand-in of the platform's API.
  environment: { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token, LOG_LEVEL: 'WARN' },
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
  await check('A URL verification is answered', async () => {
    const challenge = randomBytes(8).toString('hex');
    const answer = await deliver(JSON.stringify({ challenge, token, type: 'url_verification' }));
    expect(answer.body === JSON.stringify({ challenge }), `the answer was ${answer.body}`);
    return `in ${Math.round(answer.milliseconds)} ms: ${answer.body}`;
  });

  const message = textMessage('Hello, 世界 👋');
  const messageEvent = createSample('im.message.receive_v1', { version: '2.0', token, event: message });
  await check('A v2.0 message is queued, acknowledged and answered with an echo', async () => {
    const answer = await deliver(messageEvent);
    const [record] = await settled(idOf(messageEvent), ['handled']);
    const reply = apiCalls.find(({ path: target }) => target.includes(message.message.message_id));
    expect(reply !== undefined, 'no reply was made');
    return `acknowledged in ${Math.round(answer.milliseconds)} ms, handled at attempt ${record?.attempts}\nwould have sent: ${reply?.method} ${reply?.path} ${reply?.body}`;
  });

  await check('A v1.0 out_approval is handled', async () => {
    const event = createSample('out_approval', { version: '1.0', token });
    await deliver(event);
    const [record] = await settled(idOf(event), ['handled']);
    return `handled at attempt ${record?.attempts}`;
  });

  await check('A card click is answered while the person waits', async () => {
    const answer = await deliver(createSample('card.action.trigger', { version: '2.0', token }));
    expect(answer.body.includes('toast'), `the answer was ${answer.body}`);
    return `in ${Math.round(answer.milliseconds)} ms: ${answer.body}`;
  });

  await check('The same message, delivered again, has no second effect', async () => {
    await deliver(messageEvent);
    await settled(idOf(messageEvent), ['handled', 'duplicate']);
    const replies = apiCalls.filter(({ path: target }) => target.includes(message.message.message_id));
    expect(replies.length === 1, `there were ${replies.length} replies`);
    return 'acknowledged, recognised as a duplicate, one reply in all';
  });

  await check('An event whose handler fails twice is tried again until it succeeds', async () => {
    const event = textMessage('Are you there?');
    outage = { path: `/open-apis/im/v1/messages/${event.message.message_id}/reply`, failuresLeft: 2 };
    const text = createSample('im.message.receive_v1', { version: '2.0', token, event });
    await deliver(text);
    const [record] = await settled(idOf(text), ['handled']);
    expect(record?.attempts === 3, `it took ${record?.attempts} attempts`);
    return `handled at attempt 3, after: ${record?.lastError}`;
  });
} finally {
  await stack.stop();
}

console.log(failures === 0 ? '\nAll steps passed.' : `\nFailed steps: ${failures}.`);
process.exitCode = failures === 0 ? 0 : 1;

/** Runs a step and says what happened, in a person's words. */
async function check(what: string, step: () => Promise<string>): Promise<void> {
  progress.report(`… ${what}`);
  try {
    const details = await step();
    progress.end();
    console.log(`${styleText('green', '✓')} ${what}\n  ${indent(details)}`);
  } catch (error) {
    failures += 1;
    progress.end();
    console.log(
      `${styleText('red', '✗')} ${what}\n  ${indent(error instanceof Error ? error.message : String(error))}`,
    );
  }
}

function indent(text: string): string {
  return toPrintable(text).replaceAll('\n', '\n  ');
}

async function deliver(text: string): Promise<PostResult> {
  const answer = await post(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
  expect(answer.status === 200, `the webhook answered ${answer.status} ${answer.body}`);
  return answer;
}

/** Waits until the deliveries of an event have come to these ends. */
async function settled(id: string, statuses: EventStatus[]): Promise<EventRecord[]> {
  const wanted = statuses.toSorted().join();
  const started = Date.now();
  while (Date.now() - started < PATIENCE_MILLISECONDS) {
    const records = stack.events().filter((record) => record.id === id);
    if (
      records
        .map(({ status }) => status)
        .toSorted()
        .join() === wanted
    )
      return records;
    await sleep(20);
  }
  const found = stack.events().filter((record) => record.id === id);
  throw new Error(`it came to ${JSON.stringify(found)}, not to ${wanted}`);
}

function idOf(text: string): string {
  const body = JSON.parse(text);
  return body.header?.event_id ?? body.uuid;
}

function expect(isTrue: boolean, otherwise: string): asserts isTrue {
  if (!isTrue) throw new Error(otherwise);
}
