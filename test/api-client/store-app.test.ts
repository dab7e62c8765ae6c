import { randomUUID } from 'node:crypto';
import { DynamoDBClient, GetItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import type { Context } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseEnvelope } from '../../lib/feishu/envelope.ts';
import { type EventHandler, onEvent, onEventV1 } from '../../lib/handler.ts';
import type { ImportModule } from '../../lib/handler-runtime/find-handler.ts';
import { createQueue } from '../../lib/intake/event-queue.ts';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { jsonResponse } from '../../lib/webhook/http.ts';
import { MAXIMUM_DELIVERIES } from '../../lib/worker/retry.ts';
import { createWorker } from '../../lib/worker/worker.ts';
import { emulatedAws } from '../support/emulated-aws.ts';
import { PlatformApi } from '../support/platform-api.ts';

const TENANT_TOKEN = '/open-apis/auth/v3/tenant_access_token';
const APP_TOKEN = '/open-apis/auth/v3/app_access_token';
const RESEND = '/open-apis/auth/v3/app_ticket/resend';
const REPLY = /^\/open-apis\/im\/v1\/messages\/om_\w+\/reply$/;

const STORE_APP = { FEISHU_APP_TYPE: 'store' };

const replyToMessages = onEvent('im.message.receive_v1', async ({ message }, { feishu }) => {
  await feishu.im.message.reply({
    path: { message_id: message.message_id },
    data: { msg_type: 'text', content: message.content },
  });
});

describe('The worker of a store app', () => {
  const aws = emulatedAws();
  let platform: PlatformApi;
  let database: HttpServer;
  /** The operations requested from DynamoDB, and those it rejects. */
  const operations: string[] = [];
  const rejected = new Set<string>();
  const lines: string[] = [];

  beforeAll(async () => {
    const origin = aws.emulators.environment.AWS_ENDPOINT_URL_DYNAMODB as string;
    database = await startHttpServer('127.0.0.1', 0, async ({ headers }, body) => {
      const operation = String(headers['x-amz-target']).split('.')[1] as string;
      operations.push(operation);
      if (rejected.has(operation)) return jsonResponse(400, { __type: 'AccessDeniedException', message: 'rejected' });
      const { host: _, connection: __, 'content-length': ___, ...rest } = headers as Record<string, string>;
      const response = await fetch(origin, { method: 'POST', headers: rest, body: new Uint8Array(body) });
      return { statusCode: response.status, headers: {}, body: await response.text() };
    });
    process.env.AWS_ENDPOINT_URL_DYNAMODB = database.origin;
  });
  afterAll(() => database.stop());

  beforeEach(async () => {
    platform = await PlatformApi.start();
    operations.length = 0;
    lines.length = 0;
    const collect = (chunk: unknown) => lines.push(String(chunk)) > 0;
    vi.spyOn(process.stdout, 'write').mockImplementation(collect);
    vi.spyOn(process.stderr, 'write').mockImplementation(collect);
    vi.spyOn(console, 'log').mockImplementation(collect);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    rejected.clear();
    await platform[Symbol.asyncDispose]();
  });

  const modulesOf =
    (handlers: EventHandler[], kind: string): ImportModule =>
    (name) => {
      const handler = handlers.find((candidate) => candidate.kind === kind && candidate.type === name);
      if (handler === undefined) throw new Error(`Module not found in bundle: ${name}`);
      return Promise.resolve({ default: handler });
    };

  /** Starts a worker like a new instance of the function. */
  function startWorker(handlers: EventHandler[] = [replyToMessages], app: Record<string, string> = STORE_APP) {
    const modules = {
      v2: modulesOf(handlers, 'v2'),
      v1: modulesOf(handlers, 'v1'),
      fallback: modulesOf([], 'fallback'),
    };
    return createWorker(modules, { ...aws.environment, ...platform.environment, ...app, LOG_LEVEL: 'DEBUG' });
  }

  type Worker = ReturnType<typeof createWorker>;

  const deliver = (worker: Worker, ...texts: string[]) => deliverAttempt(1, worker, ...texts);

  /** Returns the number of events that failed and stay in the queue. */
  async function deliverAttempt(attempt: number, worker: Worker, ...texts: string[]): Promise<number> {
    for (const text of texts) {
      const event = { text, source: 'webhook', receivedAt: new Date(), requestId: undefined } as const;
      await createQueue(aws.emulators.queueUrl).send(parseEnvelope(text) as never, event, new AbortController().signal);
    }
    const endsAt = Date.now() + 60_000;
    const context = { getRemainingTimeInMillis: () => endsAt - Date.now() } as Context;
    const Records = await aws.drain();
    for (const { attributes } of Records) attributes.ApproximateReceiveCount = `${attempt}`;
    const { batchItemFailures } = await worker({ Records }, context);
    return batchItemFailures.length;
  }

  const ticketEvent = (ticket: unknown, sentAt: number = Date.now()) => {
    const event = { app_id: platform.appId, tenant_key: undefined, app_ticket: ticket };
    const envelope = JSON.parse(createSample('app_ticket', { version: '1.0', token: '', event }));
    return JSON.stringify({ ...envelope, ts: `${sentAt / 1000}` });
  };
  const messageOf = (tenant: string, text = 'Hello') => {
    const envelope = JSON.parse(
      createSample('im.message.receive_v1', { version: '2.0', token: '', event: textMessage(text) }),
    );
    return JSON.stringify({ ...envelope, header: { ...envelope.header, tenant_key: tenant } });
  };
  const validTicket = () => {
    const ticket = `ticket ${randomUUID()}`;
    platform.validTickets.add(ticket);
    return ticket;
  };

  async function onTable<Result>(use: (client: DynamoDBClient) => Promise<Result>): Promise<Result> {
    const client = new DynamoDBClient();
    const result = await use(client);
    client.destroy();
    return result;
  }
  const key = () => ({ id: { S: `app-ticket#${platform.appId}` } });
  const storedTicket = async () => {
    const command = new GetItemCommand({ TableName: aws.emulators.claimsTable, Key: key() });
    return (await onTable((client) => client.send(command))).Item;
  };

  it('stores the ticket, and replies to each tenant with its own token', async () => {
    const worker = startWorker();
    const ticket = validTicket();
    expect(await deliver(worker, ticketEvent(ticket))).toBe(0);
    expect(await deliver(worker, messageOf('one', 'to one'), messageOf('two', 'to two'))).toBe(0);
    expect(platform.sent).toContainEqual({ tenant: 'one', text: 'to one' });
    expect(platform.sent).toContainEqual({ tenant: 'two', text: 'to two' });
    expect(platform.calls).not.toContain(RESEND);
    const hours = (Number((await storedTicket())?.expiration?.N) - Date.now() / 1000) / 3600;
    expect(Math.round(hours)).toBe(12);
  });

  it('counts the event as handled even without a handler', async () => {
    await deliver(startWorker(), ticketEvent(validTicket()));
    expect(lines.join('')).toMatch(/"message":"handled".*"event_type":"app_ticket"/);
  });

  it('stores the ticket before it runs a handler of the event', async () => {
    const ticket = validTicket();
    const seen: unknown[] = [];
    const handler = onEventV1('app_ticket', async (event) => {
      seen.push(event.app_ticket, (await storedTicket())?.ticket?.S);
    });
    expect(await deliver(startWorker([handler]), ticketEvent(ticket))).toBe(0);
    expect(seen).toEqual([ticket, ticket]);
  });

  it('shares the ticket with a new instance, and reads it from DynamoDB once for many events', async () => {
    await deliver(startWorker(), ticketEvent(validTicket()));
    const worker = startWorker();
    await deliver(worker, messageOf('one'));
    operations.length = 0;
    await deliver(worker, messageOf('one'), messageOf('two'));
    expect(platform.sent.map(({ tenant }) => tenant).toSorted()).toEqual(['one', 'one', 'two']);
    expect(operations).not.toContain('GetItem');
    // The SDK caches each tenant's token.
    expect(platform.calls.filter((path) => path === TENANT_TOKEN)).toHaveLength(2);
  });

  it('never replaces a ticket by an older one', async () => {
    const worker = startWorker();
    const [older, newer] = [validTicket(), validTicket()];
    const now = Date.now();
    expect(await deliver(worker, ticketEvent(newer, now - 1000))).toBe(0);
    expect(await deliver(worker, ticketEvent(older, now - 3_600_000))).toBe(0);
    expect((await storedTicket())?.ticket?.S).toBe(newer);
    expect(await deliver(worker, ticketEvent('the newest', now))).toBe(0);
    expect((await storedTicket())?.ticket?.S).toBe('the newest');
  });

  it('uses the newest ticket even if an earlier one has a time in the future', async () => {
    const worker = startWorker();
    await deliver(worker, ticketEvent('from the future', Date.now() + 86_400_000));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await deliver(worker, ticketEvent('now'));
    expect((await storedTicket())?.ticket?.S).toBe('now');
  });

  it('uses a new ticket as soon as it is stored', async () => {
    const worker = startWorker();
    await deliver(worker, ticketEvent(validTicket()));
    await deliver(worker, messageOf('one'));
    platform.validTickets.clear();
    await deliver(worker, ticketEvent(validTicket()));
    expect(await deliver(worker, messageOf('two'))).toBe(0);
  });

  it('requests a ticket if it has none, fails the event, and handles it after the ticket has arrived', async () => {
    const worker = startWorker();
    const resent: string[] = [];
    platform.onResend = () => void resent.push(ticketEvent(validTicket()));
    const message = messageOf('one', 'not lost');
    expect(await deliver(worker, message)).toBe(1);
    expect(platform.calls).toEqual([RESEND]);
    expect(lines.join('')).toContain('AppTicketMissing: The platform has sent no app_ticket event');
    await deliver(worker, ...resent);
    expect(await deliver(worker, message)).toBe(0);
    expect(platform.sent).toEqual([{ tenant: 'one', text: 'not lost' }]);
  });

  it('ignores an expired ticket that DynamoDB has not deleted yet', async () => {
    const expired = { ticket: { S: validTicket() }, sentAt: { N: '1' }, expiration: { N: `${Date.now() / 1000 - 1}` } };
    const command = new PutItemCommand({ TableName: aws.emulators.claimsTable, Item: { ...key(), ...expired } });
    await onTable((client) => client.send(command));
    expect(await deliver(startWorker(), messageOf('one'))).toBe(1);
    expect(platform.calls).toEqual([RESEND]);
  });

  it('requests another ticket if the platform rejects the stored one', async () => {
    const worker = startWorker();
    const resent: string[] = [];
    platform.onResend = () => void resent.push(ticketEvent(validTicket()));
    await deliver(worker, ticketEvent('withdrawn', Date.now() - 1000));
    const message = messageOf('one');
    expect(await deliver(worker, message)).toBe(1);
    expect(platform.calls).toEqual([APP_TOKEN, RESEND]);
    // Another instance receives it.
    await deliver(startWorker(), ...resent);
    expect(await deliver(worker, message)).toBe(0);
  });

  it('fails an app_ticket event if the ticket cannot be stored, so that it is retried', async () => {
    const worker = startWorker();
    rejected.add('PutItem');
    const event = ticketEvent(validTicket());
    expect(await deliver(worker, event)).toBe(1);
    rejected.clear();
    expect(await deliver(worker, event)).toBe(0);
    expect(await storedTicket()).toBeDefined();
  });

  it('fails an event if the ticket cannot be read, and keeps running', async () => {
    const worker = startWorker();
    await deliver(worker, ticketEvent(validTicket()));
    rejected.add('GetItem');
    expect(await deliver(worker, messageOf('one'))).toBe(1);
    expect(lines.join('')).toContain('AccessDeniedException');
    expect(platform.calls).toEqual([]);
    rejected.clear();
    expect(await deliver(worker, messageOf('one'))).toBe(0);
  });

  it('fails an app_ticket event without a ticket', async () => {
    expect(await deliver(startWorker(), ticketEvent(''))).toBe(1);
    expect(lines.join('')).toContain('MalformedMessage: The app_ticket event has no ticket');
  });

  it('writes no ticket, token or secret to the log or a failure reason', async () => {
    const worker = startWorker();
    const [ticket, rejectedTicket] = [validTicket(), 'a rejected ticket'];
    await deliver(worker, ticketEvent(rejectedTicket, Date.now() - 1000));
    await deliverAttempt(MAXIMUM_DELIVERIES, worker, messageOf('one'));
    await deliver(worker, ticketEvent(ticket));
    await deliver(worker, messageOf('one'));
    rejected.add('PutItem');
    await deliver(worker, ticketEvent(ticket));
    rejected.clear();
    const { Items } = await onTable((client) => client.send(new ScanCommand({ TableName: aws.emulators.claimsTable })));
    const reasons = JSON.stringify(Items?.filter(({ id }) => !id?.S?.startsWith('app-ticket#')));
    const output = lines.join('');
    for (const text of [output, reasons]) expect(text).toContain('code: 10012');
    for (const secret of [ticket, rejectedTicket, platform.appSecret, 't-one']) {
      expect(output).not.toContain(secret);
      expect(reasons).not.toContain(secret);
    }
  });

  it('ignores the ticket if the app is self-built', async () => {
    const worker = startWorker([replyToMessages], {});
    expect(await deliver(worker, ticketEvent('a ticket'))).toBe(0);
    expect(operations).toEqual([]);
    expect(await deliver(worker, messageOf('any'))).toBe(0);
    expect(platform.sent).toEqual([{ tenant: 'own', text: 'Hello' }]);
    expect(platform.calls).toEqual([`${TENANT_TOKEN}/internal`, expect.stringMatching(REPLY)]);
    // Taking the lease, looking for the shared token, sharing it, and completing the record.
    expect(operations).toEqual(['PutItem', 'GetItem', 'PutItem', 'UpdateItem']);
  });

  it('does not start with an unknown app type', () => {
    expect(() => startWorker([], { FEISHU_APP_TYPE: 'isv' })).toThrow(
      'FEISHU_APP_TYPE is "isv", but must be self or store.',
    );
  });
});
