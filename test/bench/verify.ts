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
const SIDES = ['ours', 'bare', 'official', 'rejected'] as const;
type Side = (typeof SIDES)[number];

/**
 * Measures how long it takes to verify, decrypt and parse a request in memory. The bare side does the same with only
 * Node's modules; the official dispatcher has an empty handler. A forged request has a wrong signature.
 */
export async function benchVerify({ isQuick }: SuiteOptions): Promise<Report> {
  const [rounds, milliseconds] = isQuick ? [7, 20] : [31, 60];
  const dispatcher = new EventDispatcher({ encryptKey, verificationToken, loggerLevel: LoggerLevel.fatal }).register({
    'im.message.receive_v1': () => ({}),
  });
  const sides: Record<Side, Work> = {
    ours: (request) => readRequest(request, SECRETS, Date.now()),
    bare: readBare,
    official: (request) => invokeOfficial(dispatcher, request),
    rejected: readRejected,
  };
  const samples: Record<string, Record<Side, number[]>> = {};
  const comparisons: Comparison[] = [];
  for (const kilobytes of [1, 64]) {
    const request = createRequest(kilobytes * 1024);
    const forged = { ...request, headers: { ...request.headers, 'x-lark-signature': '0'.repeat(64) } };
    const times: Record<Side, number[]> = { ours: [], bare: [], official: [], rejected: [] };
    // The first rounds warm up V8.
    for (let round = -5; round < rounds; round++) {
      for (const side of SIDES) {
        const microseconds = await time(sides[side], side === 'rejected' ? forged : request, milliseconds);
        if (round >= 0) times[side].push(microseconds);
      }
    }
    samples[`${kilobytes} KB`] = times;
    comparisons.push(...compare(`${kilobytes} KB`, times));
  }
  return reportComparisons(
    comparisons,
    [
      `Verify: warm, medians of ${rounds} alternating rounds. Plain Node does the same checks with only node:crypto and JSON.parse, and does not explain a rejection.`,
    ],
    samples,
  );
}

function compare(size: string, times: Record<Side, number[]>): Comparison[] {
  const comparison = (measure: string, side: Side, name: string, other: Side, atMost: number): Comparison => ({
    measure: `${measure}, ${size}`,
    unit: 'µs',
    ours: median(times[side]),
    alternative: { name, value: median(times[other]) },
    target: atMost,
  });
  return [
    comparison('verify, decrypt and parse', 'ours', 'plain Node', 'bare', 1.15),
    comparison('verify, decrypt and parse', 'ours', 'the official dispatcher', 'official', 0.6),
    comparison('reject a forged request', 'rejected', 'accepting a genuine one', 'ours', 0.5),
  ];
}

/** @returns the average duration in microseconds, of as many requests as fit into `milliseconds` */
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

/** @param bytes approximate size of the body */
function createRequest(bytes: number): WebhookRequest {
  const write = (text: string) => {
    const event = textMessage(text);
    const sample = createSample('im.message.receive_v1', { version: '2.0', token: verificationToken, event });
    return writeRequest(sample, { encryptKey }, Date.now());
  };
  const padding = Math.max(0, bytes - write('').body.length);
  // Base64 encodes three bytes as four.
  return write('x'.repeat(Math.floor((padding * 3) / 4)));
}

function readRejected(request: WebhookRequest): void {
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
