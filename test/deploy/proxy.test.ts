import { createRequire } from 'node:module';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AwsConfig } from '../../lib/deploy/aws-clients.ts';
import { postTo } from '../../lib/deploy/doctor/webhook.ts';
import { applyProxySettings } from '../../lib/deploy/proxy.ts';
import type { AwsProvider } from '../../lib/deploy/serverless.ts';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import type { HttpResponse } from '../../lib/webhook/http.ts';
import { ConnectProxy } from '../support/connect-proxy.ts';

/** The framework's own function. */
const { buildClientConfig } = createRequire(import.meta.url)('serverless/lib/aws/config.js');

const [WEBHOOK, AWS] = ['webhook.example', 'cloudformation.eu-central-1.amazonaws.com'];
const NO_STACKS =
  '<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>';
const ACCESS_DENIED =
  '<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not allowed</Message></Error></ErrorResponse>';
const REQUEST = { headers: {}, body: Buffer.from('{}') };

let proxy: ConnectProxy;
let server: HttpServer;
let received: string[] = [];
/** The response, instead of an empty list of stacks. */
let failure: HttpResponse | undefined;
beforeAll(async () => {
  proxy = await ConnectProxy.start([WEBHOOK, AWS]);
  server = await startHttpServer('127.0.0.1', 0, ({ headers }) => {
    received.push(String(headers.host));
    return failure ?? { statusCode: 200, headers: {}, body: NO_STACKS };
  });
  proxy.targetPort = Number(new URL(server.origin).port);
});
beforeEach(() => {
  proxy.use();
  received = [];
  failure = undefined;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy[Symbol.asyncDispose]();
  await server.stop();
});

describe('A request of the doctor', () => {
  it('goes through the proxy', async () => {
    expect(await postTo(`https://${WEBHOOK}/feishu/events`, REQUEST)).toMatchObject({ status: 200 });
    expect(proxy.requests).toEqual([`${WEBHOOK}:443`]);
    expect(received).toEqual([WEBHOOK]);
  });

  it('names the proxy and the variable if the proxy rejects it', async () => {
    proxy.behavior = 407;
    await expect(postTo(`https://${WEBHOOK}/feishu/events`, REQUEST)).rejects.toThrow(
      `407 Rejected, through the proxy ${proxy.host} set in HTTPS_PROXY`,
    );
  });

  it('does not go through the proxy on loopback', async () => {
    proxy.use({ HTTP_PROXY: `http://${proxy.host}` });
    expect(await postTo(server.origin, REQUEST)).toMatchObject({ status: 200 });
    expect(proxy.requests).toEqual([]);
  });
});

describe("The AWS clients of the framework's commands", () => {
  async function describeStacks(endpoint?: string) {
    const provider = {
      getAwsSdkV3Config: async () =>
        buildClientConfig({
          region: 'eu-central-1',
          credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
          maxAttempts: 1,
        }) as AwsConfig,
    } as AwsProvider;
    applyProxySettings(provider);
    const config = await provider.getAwsSdkV3Config();
    const client = new CloudFormationClient({ ...config, ...(endpoint !== undefined && { endpoint }) });
    try {
      await client.send(new DescribeStacksCommand());
    } finally {
      client.destroy();
    }
  }

  it.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'HTTP_PROXY'])('use the proxy of %s', async (variable) => {
    proxy.use({ [variable]: `http://${proxy.host}` });
    await describeStacks();
    expect(proxy.requests).toEqual([`${AWS}:443`]);
    expect(received).toEqual([AWS]);
  });

  it('accept a proxy without a scheme', async () => {
    proxy.use({ HTTPS_PROXY: proxy.host });
    await describeStacks();
    expect(received).toEqual([AWS]);
  });

  it.each(['NO_PROXY', 'no_proxy'])('do not use the proxy for a host in %s', async (variable) => {
    proxy.use({ HTTPS_PROXY: `http://${proxy.host}`, [variable]: '.aws.example' });
    // The host does not exist outside the proxy.
    await expect(describeStacks('https://cloudformation.aws.example')).rejects.toThrow();
    expect(proxy.requests).toEqual([]);
  });

  it.each(['HTTPS_PROXY', 'HTTP_PROXY', 'proxy'])('do not use the proxy of %s on loopback', async (variable) => {
    proxy.use({ [variable]: `http://${proxy.host}` });
    await describeStacks(server.origin);
    expect(proxy.requests).toEqual([]);
    expect(received).toHaveLength(1);
  });

  it.each([
    [407, 'Proxy Authentication Required'],
    [403, 'Forbidden'],
    [502, 'Bad Gateway'],
  ])('name the proxy and the variable if the proxy responds with %i', async (status, reason) => {
    proxy.use({ HTTPS_PROXY: `http://user:secret@${proxy.host}` });
    proxy.behavior = status;
    const failing = describeStacks();
    await expect(failing).rejects.toThrow(`${status} ${reason}, through the proxy ${proxy.host} set in HTTPS_PROXY`);
    await expect(failing).rejects.not.toThrow('secret');
  });

  it('return the errors of AWS', async () => {
    failure = { statusCode: 403, headers: { 'x-amzn-requestid': '1' }, body: ACCESS_DENIED };
    await expect(describeStacks()).rejects.toMatchObject({ name: 'AccessDenied', message: 'Not allowed' });
    expect(proxy.requests).toEqual([`${AWS}:443`]);
  });

  it('leave the variables as they are', async () => {
    proxy.use({ HTTP_PROXY: 'http://127.0.0.1:1', HTTPS_PROXY: `http://${proxy.host}` });
    const before = { ...process.env };
    await describeStacks();
    expect({ ...process.env }).toEqual(before);
  });
});
