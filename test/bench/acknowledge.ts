import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { type WebhookRequest, writeRequest } from '../../lib/feishu/request.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { comparator, installComparators } from './comparators.ts';
import { type Comparison, median, quantile, type Report, reportComparisons, type SuiteOptions } from './report.ts';

const SIDES = ['ours', 'express'] as const;
type Side = (typeof SIDES)[number];

const encryptKey = 'the encrypt key of the bench';
const token = 'the verification token of the bench';
/** Has no handler: processing by the worker is not measured. */
const EVENT_TYPE = 'contact.user.created_v3';
const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

/** The number of requests in flight, and of events per round. */
const LEVELS = [
  { inFlight: 1, events: 60 },
  { inFlight: 50, events: 500 },
  { inFlight: 200, events: 800 },
];
const DRAIN_TIMEOUT_MILLISECONDS = 60_000;

interface Round {
  eventsPerSecond: number;
  milliseconds: number[];
}

/**
 * Measures the acknowledgement of signed and encrypted events, through the gateway of `npm start` and through an Express
 * server with the official SDK. Both send to the queue of the same local stack, whose worker handles all events. A round
 * starts when the queue is empty.
 */
export async function benchAcknowledge({ isQuick }: SuiteOptions): Promise<Report> {
  const rounds = isQuick ? 2 : 15;
  await installComparators();
  await using parts = new AsyncDisposableStack();
  const secrets = { FEISHU_ENCRYPT_KEY: encryptKey, FEISHU_VERIFICATION_TOKEN: token };
  const stack = start(fileURLToPath(new URL('stack-program.ts', import.meta.url)), secrets);
  parts.defer(() => stop(stack));
  const [{ url, queueUrl, dataFolder }] = await once(stack, 'message');
  parts.defer(() => rm(dataFolder, { recursive: true }));
  const endpoint = new URL(queueUrl).origin;
  const express = start(comparator('express.mjs'), {
    ...secrets,
    EVENT_TYPE,
    QUEUE_URL: queueUrl,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_SQS: endpoint,
  });
  parts.defer(() => stop(express));
  const [{ url: expressUrl }] = await once(express, 'message');
  const urls: Record<Side, string> = { ours: url, express: expressUrl };
  const sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials: CREDENTIALS });
  parts.defer(() => sqs.destroy());

  const samples = new Map(LEVELS.map(({ inFlight }) => [inFlight, { ours: [] as Round[], express: [] as Round[] }]));
  // The first round is a warm-up.
  for (let round = -1; round < rounds; round++) {
    for (const { inFlight, events } of LEVELS) {
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        const measured = await send(urls[side], createRequests(events), inFlight);
        await waitUntilDrained(sqs, queueUrl);
        if (round >= 0) samples.get(inFlight)?.[side].push(measured);
      }
    }
  }
  return report(samples, rounds);
}

function start(program: string, environment: Record<string, string>): ChildProcess {
  return fork(program, { execArgv: [], env: environment, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

async function stop(program: ChildProcess): Promise<void> {
  const ended = once(program, 'exit');
  program.disconnect();
  await ended;
}

function createRequests(count: number): WebhookRequest[] {
  return Array.from({ length: count }, () => {
    const text = createSample(EVENT_TYPE, { version: '2.0', token, event: { object: { name: '王小明' } } });
    return writeRequest(text, { encryptKey }, Date.now());
  });
}

async function send(url: string, requests: WebhookRequest[], inFlight: number): Promise<Round> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const milliseconds: number[] = [];
  const sendOneByOne = async () => {
    for (let next = requests.pop(); next !== undefined; next = requests.pop()) {
      const sentAt = performance.now();
      await post(url, agent, next);
      milliseconds.push(performance.now() - sentAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: inFlight }, sendOneByOne));
  const seconds = (performance.now() - startedAt) / 1000;
  agent.destroy();
  return { eventsPerSecond: milliseconds.length / seconds, milliseconds };
}

async function post(url: string, agent: Agent, { headers, body }: WebhookRequest): Promise<void> {
  const outgoing = request(url, { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  const text = Buffer.concat(await response.toArray()).toString();
  if (response.statusCode !== 200 || !text.includes('success'))
    throw new Error(`${url} responded with ${response.statusCode}: ${text}`);
}

async function waitUntilDrained(sqs: SQSClient, QueueUrl: string): Promise<void> {
  const command = new GetQueueAttributesCommand({
    QueueUrl,
    AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
  });
  const startedAt = Date.now();
  while (Date.now() - startedAt < DRAIN_TIMEOUT_MILLISECONDS) {
    const { Attributes = {} } = await sqs.send(command);
    if (Object.values(Attributes).every((count) => count === '0')) return;
    await sleep(20);
  }
  throw new Error(`The worker did not empty the queue within ${DRAIN_TIMEOUT_MILLISECONDS / 1000} s`);
}

function report(samples: Map<number, Record<Side, Round[]>>, rounds: number): Report {
  const comparisons = [...samples].flatMap(([inFlight, sides]) => {
    const compare = (
      figure: string,
      unit: string,
      read: (rounds: Round[]) => number,
      isHigherBetter = false,
    ): Comparison => ({
      measure: `acknowledge, ${inFlight} in flight: ${figure}`,
      unit,
      ours: read(sides.ours),
      alternative: { name: 'Express and the official SDK', value: read(sides.express) },
      isHigherBetter,
      target: 1,
    });
    const latency = (share: number) => (all: Round[]) =>
      quantile(
        all.flatMap(({ milliseconds }) => milliseconds),
        share,
      );
    const throughput = (all: Round[]) => median(all.map(({ eventsPerSecond }) => eventsPerSecond));
    return [
      compare('events a second', '', throughput, true),
      compare('p50', 'ms', latency(0.5)),
      compare('p99', 'ms', latency(0.99)),
    ];
  });
  const counts = LEVELS.map(({ events }) => events).join(', ');
  return reportComparisons(
    comparisons,
    [
      `Acknowledge: medians of ${rounds} alternating rounds of ${counts} events; p50 and p99 are of all events of a level. Both sides send to the queue of the same local stack, whose worker handles all events. A round starts when the queue is empty.`,
    ],
    { rounds: Object.fromEntries(samples) },
  );
}
