import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageAttributeValue } from '@aws-sdk/client-sqs';

// Mocks of SQS, DynamoDB and the platform, over TLS. Each responds after the latency of its calls. Reports the queue
// messages when SQS has stored them, and the replies when the platform has received them.
// Arguments: the files of a key and a certificate, and `MockServiceOptions` as JSON.

export interface MockServiceOptions {
  awsLatencyMilliseconds: number;
  platformLatencyMilliseconds: number;
  /** SQS accepts connections, but does not respond. */
  isQueueSilent: boolean;
}

export interface StoredMessage {
  MessageId: string;
  MessageBody: string;
  MessageAttributes?: Record<string, MessageAttributeValue>;
  MessageGroupId?: string;
}

export type Reported =
  | { kind: 'listening'; aws: string; platform: string }
  | { kind: 'message'; message: StoredMessage }
  /** `at`: by the clock that all processes share, in milliseconds */
  | { kind: 'reply'; messageId: string; at: number };

type TableItem = { id: { S: string } };
const items = new Map<string, TableItem>();

/** Longer than any pause between two events, so that warm events find open connections, as on a busy function. */
const KEEP_ALIVE_MILLISECONDS = 600_000;

const [keyFile = '', certificateFile = '', json = '{}'] = process.argv.slice(2);
const options: MockServiceOptions = JSON.parse(json);
const credentials = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) };
const report = (reported: Reported) => process.send?.(reported);

const aws = await listen(options.awsLatencyMilliseconds, respondAsAws);
const platform = await listen(options.platformLatencyMilliseconds, respondAsPlatform);
process.once('disconnect', () => process.exit());
report({ kind: 'listening', aws, platform });

/** @param respond returns the response's JSON, or `undefined` to never respond, and what to do after the latency */
async function listen(
  latencyMilliseconds: number,
  respond: (request: IncomingMessage, body: string) => { json: object | undefined; afterwards?: () => void },
): Promise<string> {
  const server = createServer(credentials, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { json, afterwards } = respond(request, Buffer.concat(chunks).toString('utf8'));
    if (latencyMilliseconds > 0) await sleep(latencyMilliseconds);
    if (json === undefined) return;
    afterwards?.();
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  server.keepAliveTimeout = KEEP_ALIVE_MILLISECONDS;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function respondAsAws({ headers }: IncomingMessage, body: string) {
  const [service = '', operation = ''] = String(headers['x-amz-target']).split('.');
  if (service.startsWith('DynamoDB')) return { json: respondAsDynamo(operation, JSON.parse(body)) };
  if (operation !== 'SendMessage') return { json: { Successful: [], Failed: [] } };
  if (options.isQueueSilent) return { json: undefined };
  const { MessageBody, MessageAttributes, MessageGroupId } = JSON.parse(body);
  const MessageId = randomUUID();
  const message = { MessageId, MessageBody, MessageAttributes, MessageGroupId };
  const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex');
  return { json: { MessageId, MD5OfMessageBody }, afterwards: () => report({ kind: 'message', message }) };
}

/** Stores what is put, without conditions and updates: no event is delivered twice. */
function respondAsDynamo(operation: string, { Item, Key }: { Item?: TableItem; Key?: TableItem }): object {
  if (operation === 'PutItem' && Item !== undefined) items.set(Item.id.S, Item);
  const found = operation === 'GetItem' ? items.get(Key?.id.S ?? '') : undefined;
  if (found !== undefined) return { Item: found };
  return operation === 'BatchGetItem' ? { Responses: {} } : {};
}

function respondAsPlatform({ url = '' }: IncomingMessage) {
  const at = Number(process.hrtime.bigint()) / 1e6;
  const { pathname } = new URL(url, 'https://127.0.0.1');
  if (pathname.startsWith('/open-apis/auth/')) {
    const token = 't-bench';
    return { json: { code: 0, msg: 'ok', tenant_access_token: token, app_access_token: token, expire: 7200 } };
  }
  const [, messageId] = /\/messages\/([^/]+)\/reply$/.exec(pathname) ?? [];
  if (messageId !== undefined) report({ kind: 'reply', messageId, at });
  return { json: { code: 0, msg: 'success', data: { message_id: 'om_bench' } } };
}
