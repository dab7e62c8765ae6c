import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpResponse } from '../../../lib/http.ts';
import { startHttpServer } from '../../../lib/local/http-server.ts';
import { installPython } from '../python.ts';

const VERSION = '5.2.5';
const START_WITHIN_MILLISECONDS = 60_000;

export interface Moto {
  /** What AWS's SDKs and tools need in their environment to find it. */
  environment: Record<string, string>;
  stop(): Promise<void>;
}

/** Starts moto, which stands for AWS, on loopback. */
export async function startMoto(): Promise<Moto> {
  const python = await installPython(`moto-${VERSION}`, [`moto[server]==${VERSION}`]);
  const port = await findFreePort();
  const server = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`], { stdio: 'ignore' });
  const endpoint = `http://127.0.0.1:${port}`;
  const started = Date.now();
  while (!(await isUp(endpoint))) {
    if (server.exitCode !== null || Date.now() - started > START_WITHIN_MILLISECONDS) {
      throw new Error(`moto does not start on port ${port}`);
    }
    await sleep(100);
  }
  const cloudFormation = await startHttpServer('127.0.0.1', 0, (request, body) => addAlarm(endpoint, request, body));
  return {
    environment: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation.origin,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
    async stop() {
      await cloudFormation.stop();
      const ended = once(server, 'exit');
      server.kill();
      await ended;
    },
  };
}

/** What CloudFormation would call the one alarm of a stack. */
export function alarmNameOf(stackName: string): string {
  return `${stackName}-dead-letters`;
}

/** moto's CloudFormation knows no alarms, and leaves them out of a stack: here each stack has one. */
async function addAlarm(
  endpoint: string,
  { headers, url = '/' }: IncomingMessage,
  body: Buffer,
): Promise<HttpResponse> {
  const { authorization = '', 'content-type': type = '' } = headers;
  const response = await fetch(`${endpoint}${url}`, {
    method: 'POST',
    headers: { authorization, 'content-type': type },
    body: new Uint8Array(body),
  });
  const stackName = new URLSearchParams(body.toString()).get('StackName') ?? '';
  const alarm =
    '<member><LogicalResourceId>Alarm</LogicalResourceId><ResourceType>AWS::CloudWatch::Alarm</ResourceType>' +
    `<PhysicalResourceId>${alarmNameOf(stackName)}</PhysicalResourceId><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>`;
  const end = '</StackResourceSummaries>';
  return {
    statusCode: response.status,
    headers: { 'content-type': response.headers.get('content-type') ?? '' },
    body: (await response.text()).replace(end, `${alarm}${end}`),
  };
}

async function isUp(endpoint: string): Promise<boolean> {
  return fetch(`${endpoint}/moto-api/`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('No port');
  return address.port;
}
