import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, test } from 'vitest';
import { redrive } from '../../lib/dead-letters/redrive.ts';
import { type EventEnvelope, parseEnvelope } from '../../lib/feishu/envelope.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { encodeMessage } from '../../lib/queue/message.ts';
import { expectContentShown } from '../support/written-output.ts';
import { emulatedQueues, failing, intercepting } from './emulated-queues.ts';

// Rarer than in dead-letters.test.ts. The worker creates these dead letters, too.

const queues = emulatedQueues('none');

describe('A dead letter', () => {
  test('does not block its batch if DynamoDB never responds', async () => {
    await using silent = await startSilentServer();
    process.env.AWS_ENDPOINT_URL_DYNAMODB = silent.url;
    await queues.emulators.sqs.send(
      new SendMessageCommand({ QueueUrl: queues.emulators.queueUrl, MessageBody: 'junk' }),
    );
    // The second delivery reads the number of attempts.
    await queues.workUntilQuiet(2);
    expect(silent.connections()).toBeGreaterThan(0);
    expect(await queues.eventCounts()).toEqual({ visible: 1, hidden: 0 });
  });
});

describe('redrive', () => {
  test('moves more than one batch', async () => {
    await queues.makeDead(Array.from({ length: 12 }, () => 'a.one_v1'));
    await queues.run(({ redrive }) => redrive({}));
    expect(await queues.eventCounts()).toEqual({ visible: 12, hidden: 0 });
  });

  test('ends, although each moved letter returns at once', async () => {
    const [id] = await queues.makeDead(['a.one_v1']);
    const result = await redrive(
      { ...queues.redriveParts(), sqs: sendingTo(queues.emulators.deadLetterQueueUrl) },
      {},
      new AbortController().signal,
      () => {},
    );
    expect(result).toMatchObject({ moved: 1, failures: [] });
    const [back] = await queues.receiveAll(queues.emulators.deadLetterQueueUrl);
    expect(back?.MessageAttributes?.redriveOf?.StringValue).toBe(id);
  });

  test('leaves the letter if it is interrupted before sending', async () => {
    await queues.makeDead(['a.one_v1']);
    const sqs = failing('SendMessageCommand');
    const result = await redrive({ ...queues.redriveParts(), sqs }, {}, new AbortController().signal, () => {});
    expect(result).toMatchObject({ moved: 0, failures: [expect.anything()] });
    expect(await queues.deadLetterCounts()).toEqual({ visible: 1, hidden: 0 });
    expect(await queues.eventCounts()).toEqual({ visible: 0, hidden: 0 });
  });

  test('sends a copy that the worker ignores after an interruption between sending and recording', async () => {
    await queues.makeDead(['a.one_v1']);
    const parts = queues.redriveParts();
    const redrives = { ...parts.redrives, recordSuccessor: () => Promise.reject(new Error('the process was killed')) };
    await redrive({ ...parts, redrives }, {}, new AbortController().signal, () => {});
    await queues.run(({ redrive }) => redrive({}));
    expect(await queues.eventCounts()).toEqual({ visible: 2, hidden: 0 });
    const seen: object[] = [];
    // Throws, so that no completed idempotency record suppresses the copy, as after 72 hours, when it has expired.
    queues.handle = (event) => {
      seen.push(event);
      throw new Error('still no number');
    };
    await queues.workUntilQuiet();
    expect(seen).toHaveLength(5);
    expect(await queues.deadLetterCounts()).toEqual({ visible: 1, hidden: 0 });
  });

  test('ends after the current batch when aborted, and leaves the rest visible', async () => {
    await queues.makeDead(Array.from({ length: 12 }, () => 'a.one_v1'));
    const interruption = new AbortController();
    const result = await redrive(queues.redriveParts(), {}, interruption.signal, () => interruption.abort());
    expect(result.moved).toBe(10);
    expect(await queues.deadLetterCounts()).toEqual({ visible: 2, hidden: 0 });
  });
});

describe('redrive on a FIFO queue', () => {
  const fifo = emulatedQueues('conversation');

  test('keeps the order of a conversation, without deduplicating its events', async () => {
    await fifo.makeDead(Array.from({ length: 12 }, () => 'a.one_v1'));
    const { lines } = await fifo.run(({ redrive }) => redrive({}));
    expect(lines).toEqual(['12 moved back to the events queue.']);
    const seen: number[] = [];
    fifo.handle = (event) => seen.push((event as { index: number }).index);
    await fifo.workUntilQuiet();
    expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => index));
  });

  test('leaves the letters behind one that could not be moved, and moves other conversations', async () => {
    const sent: string[] = [];
    const { released, result } = await queues.redriveBatch(['a 1', 'a 2', 'b 1'], async (body) => {
      if (body === 'a 1') throw new Error('SQS is throttling');
      sent.push(body);
    });
    expect(sent).toEqual(['b 1']);
    expect(released).toEqual(['a 1', 'a 2']);
    expect(result).toMatchObject({ moved: 1, failures: [expect.anything()] });
  });
});

describe('drop', () => {
  test.each(['no', ''])('after the reply "%s" leaves 1', async (reply) => {
    await queues.makeDead(['a.one_v1']);
    await queues.run(({ drop }) => drop({}, false), `${reply}\n`);
    expect(await queues.deadLetterCounts()).toEqual({ visible: 1, hidden: 0 });
  });
});

describe('A dead letter whose event is in S3', () => {
  const text = (name: string) =>
    `{"schema":"2.0","header":{"event_id":"${name}","event_type":"a.large_v1"},"event":{"noise":"${noise}"}}`;
  const noise = randomBytes(1_200_000).toString('base64');

  /** @returns the message id */
  async function makeLargeDead(name: string): Promise<string> {
    const envelope = parseEnvelope(text(name)) as EventEnvelope;
    const event = { text: text(name), source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const environment = { LARGE_EVENTS_BUCKET: queues.emulators.largeEventsBucket };
    const queue = createQueue(queues.emulators.queueUrl, environment);
    const id = await queue.send(envelope, event, new AbortController().signal);
    await queues.workUntilQuiet();
    return id;
  }

  test('is listed, shown, and redriven with its event', async () => {
    expectContentShown();
    const id = await makeLargeDead('redriven');
    const { lines: listed } = await queues.run(({ list }) => list({ type: 'a.large_v1' }));
    expect(listed.at(-1)).toMatch(new RegExp(`^${id} +a.large_v1 +redriven .*TypeError`));
    const { lines: shown } = await queues.run(({ show }) => show(id));
    expect(shown.join('\n').includes(noise)).toBe(true);

    const handled: object[] = [];
    queues.handle = (event) => handled.push(event);
    const { lines } = await queues.run((commands) => commands.redrive({}));
    expect(lines).toContain('1 moved back to the events queue.');
    await queues.workUntilQuiet();
    expect(handled).toHaveLength(1);
    expect((handled[0] as { noise: string }).noise === noise).toBe(true);
    expect(await queues.deadLetterCounts()).toEqual({ visible: 0, hidden: 0 });
  });

  test('whose object is missing has that as its failure reason, and stays when it is redriven', async () => {
    const record = async (id: string) => {
      const { lines } = await queues.run(({ list }) => list({}));
      return lines.find((line) => line.startsWith(id));
    };
    const messages = await sendPointer('events/missing.json.gz');
    await queues.workUntilQuiet();
    expect(await record(messages)).toMatch(
      / unreadable .*StoredEventUnavailable: The event is stored in S3, but could not be read: S3 responded with 404 NoSuchKey/,
    );
    await expect(queues.run((commands) => commands.redrive({}))).rejects.toThrow(/1 could not be moved.*404 NoSuchKey/);
    expect(await queues.deadLetterCounts()).toEqual({ visible: 1, hidden: 0 });
    const { lines } = await queues.run(({ show }) => show(messages));
    expect(lines.at(-1)).toMatch(/does not contain a readable event/);
  });

  /** @returns the message id */
  async function sendPointer(key: string): Promise<string> {
    const event = { text: text('missing'), source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
    const envelope = parseEnvelope(event.text) as EventEnvelope;
    const message = encodeMessage(queues.emulators.queueUrl, envelope, event, { body: key, encoding: 's3' });
    return (await queues.emulators.sqs.send(new SendMessageCommand(message))).MessageId as string;
  }
});

describe.each(['none', 'conversation'] as const)('An unreadable event, with ordering=%s,', (ordering) => {
  const own = emulatedQueues(ordering);

  test('is listed with its reason and no attempts, shown, and returns with the reason of the worker', async () => {
    expectContentShown();
    const event = { text: '{"schema":"3.0","future":"event"}', source: 'webhook', receivedAt: new Date() } as const;
    const unreadable = { ...event, requestId: undefined, reason: 'FEISHU_ENVELOPE_UNKNOWN: a new format' };
    const queue = createQueue(own.emulators.deadLetterQueueUrl, {});
    const id = await queue.send(undefined, unreadable, new AbortController().signal);

    const { lines: listed } = await own.run(({ list }) => list({ type: 'unreadable' }));
    expect(listed.at(-1)).toMatch(
      new RegExp(`^${id} +unreadable +- +\\d+ s +0 +FEISHU_ENVELOPE_UNKNOWN: a new format$`),
    );
    const { lines: shown } = await own.run(({ show }) => show(id));
    expect(shown.join('\n')).toMatch(
      /attempts +0\n.*reason +FEISHU_ENVELOPE_UNKNOWN: a new format\n.*"future": "event"/s,
    );

    await own.run((commands) => commands.redrive({}));
    await own.workUntilQuiet();
    const { lines: again } = await own.run(({ list }) => list({}));
    expect(again.at(-1)).toMatch(/ unreadable .* 5 +MalformedMessage: The body is not a known kind of event/);
  });
});

/** Starts a server that accepts connections and never responds. */
async function startSilentServer() {
  let connections = 0;
  const server = createServer(() => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Creates a client that sends to another queue. */
function sendingTo(url: string): SQSClient {
  return intercepting((args, context, next) => {
    const isSending = context.commandName === 'SendMessageCommand';
    return next(isSending ? { ...args, input: { ...args.input, QueueUrl: url } } : args);
  });
}
