import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto';
import { EventDispatcher, LoggerLevel } from '@larksuiteoapi/node-sdk';
import { FeishuError } from '../../lib/feishu/errors.ts';
import { readRequest, type WebhookRequest, writeRequest } from '../../lib/feishu/request.ts';
import { createSample, textMessage } from '../../lib/samples/samples.ts';
import { invokeOfficial } from '../support/official-sdk.ts';
import { type Comparison, median, type Report, reportComparisons, type SuiteOptions } from './report.ts';

const encryptKey = 'the encrypt key of the bench';
const verificationToken = 'the verification token of the bench';
const SECRETS = { encryptKeys: [encryptKey], verificationTokens: [verificationToken] };

type Work = (request: WebhookRequest) => unknown;
const SIDES = ['ours', 'bare', 'official', 'refused'] as const;
type Side = (typeof SIDES)[number];

/**
 * What a request costs once it is in memory: verify, decrypt, parse. The bare side does the same with nothing but Node;
 * the official dispatcher is given a handler that does nothing. A forged request has a signature of another key.
 */
export async function benchVerify({ isQuick }: SuiteOptions): Promise<Report> {
  const [rounds, milliseconds] = isQuick ? [7, 20] : [31, 60];
  const dispatcher = new EventDispatcher({ encryptKey, verificationToken, loggerLevel: LoggerLevel.fatal }).register({
    'im.message.receive_v1': () => ({}),
  });
  const works: Record<Side, Work> = {
    ours: (request) => readRequest(request, SECRETS, Date.now()),
    bare: readBare,
    official: (request) => invokeOfficial(dispatcher, request),
    refused: readRefused,
  };
  const samples: Record<string, Record<Side, number[]>> = {};
  const comparisons: Comparison[] = [];
  for (const kilobytes of [1, 64]) {
    const request = createRequest(kilobytes * 1024);
    const forged = { ...request, headers: { ...request.headers, 'x-lark-signature': '0'.repeat(64) } };
    const times: Record<Side, number[]> = { ours: [], bare: [], official: [], refused: [] };
    // The first rounds let V8 compile.
    for (let round = -5; round < rounds; round++) {
      for (const side of SIDES) {
        const microseconds = await time(works[side], side === 'refused' ? forged : request, milliseconds);
        if (round >= 0) times[side].push(microseconds);
      }
    }
    samples[`${kilobytes} KB`] = times;
    comparisons.push(...compare(`${kilobytes} KB`, times));
  }
  return reportComparisons(
    comparisons,
    [
      `Warm, medians of ${rounds} rounds in turns. Bare: node:crypto and JSON.parse alone do the same checks; it refuses without saying why.`,
    ],
    samples,
  );
}

function compare(size: string, times: Record<Side, number[]>): Comparison[] {
  const one = (measure: string, side: Side, name: string, other: Side, atMost: number): Comparison => ({
    measure: `${measure}, ${size}`,
    unit: 'µs',
    ours: median(times[side]),
    alternative: { name, value: median(times[other]) },
    reach: atMost,
  });
  return [
    one('verify, decrypt and parse', 'ours', 'plain Node', 'bare', 1.15),
    one('verify, decrypt and parse', 'ours', 'the official dispatcher', 'official', 0.6),
    one('reject a forged request', 'refused', 'accepting a genuine one', 'ours', 0.5),
  ];
}

/** @returns microseconds each, on the average of as many as fit into the time */
async function time(work: Work, request: WebhookRequest, milliseconds: number): Promise<number> {
  const startedAt = performance.now();
  let count = 0;
  while (performance.now() - startedAt < milliseconds) {
    for (let index = 0; index < 10; index++) {
      const result = work(request);
      if (result instanceof Promise) await result;
    }
    count += 10;
  }
  return ((performance.now() - startedAt) / count) * 1000;
}

/** @param bytes about as many has the body */
function createRequest(bytes: number): WebhookRequest {
  const write = (text: string) => {
    const event = textMessage(text);
    const sample = createSample('im.message.receive_v1', { version: '2.0', token: verificationToken, event });
    return writeRequest(sample, { encryptKey }, Date.now());
  };
  const padding = Math.max(0, bytes - write('').body.length);
  // Base64 makes four bytes of three.
  return write('x'.repeat(Math.floor((padding * 3) / 4)));
}

function readRefused(request: WebhookRequest): void {
  try {
    readRequest(request, SECRETS, Date.now());
  } catch (error) {
    if (error instanceof FeishuError && error.code === 'FEISHU_SIGNATURE_WRONG') return;
    throw error;
  }
  throw new Error('The forged request was accepted');
}

function readBare({ headers, body }: WebhookRequest): unknown {
  const expected = createHash('sha256')
    .update(headers['x-lark-request-timestamp'] ?? '')
    .update(headers['x-lark-request-nonce'] ?? '')
    .update(encryptKey)
    .update(body)
    .digest('hex');
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(headers['x-lark-signature'] ?? '')))
    throw new Error('forged');
  const bytes = Buffer.from(JSON.parse(body.toString()).encrypt, 'base64');
  const key = createHash('sha256').update(encryptKey).digest();
  const decipher = createDecipheriv('aes-256-cbc', key, bytes.subarray(0, 16));
  const event = JSON.parse(Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString());
  const digest = (text: string) => createHash('sha256').update(text).digest();
  if (!timingSafeEqual(digest(event.header.token), digest(verificationToken))) throw new Error('wrong token');
  return event;
}
