import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { openLargeEvents } from '../../lib/queue/large-events.ts';

interface SentRequest {
  method: string;
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
}

const credentials = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token of the session' };

/** Opens a bucket whose requests receive these responses. The deployment tests let an emulator verify the signature. */
function open(
  { region = 'eu-west-1', endpoint }: { region?: string; endpoint?: string },
  ...responses: (Error | [number, string])[]
) {
  const requests: SentRequest[] = [];
  const requestHandler = {
    async handle(request: unknown) {
      requests.push(request as SentRequest);
      const response = responses.shift();
      if (response === undefined || response instanceof Error) throw response ?? new Error('No more requests expected');
      const [statusCode, body] = response;
      return { response: { statusCode, headers: {}, body: Readable.from([Buffer.from(body)]) } };
    },
  };
  const { config } = new SQSClient({ region, credentials });
  const bucket = openLargeEvents('the-bucket', { ...config, requestHandler: requestHandler as never }, endpoint);
  return { bucket, requests };
}

const { signal } = new AbortController();

describe('The bucket of large events', () => {
  it('signs a request for S3 in the region, with the session of the role', async () => {
    const { bucket, requests } = open({}, [200, '']);
    await bucket.write('events/a.json.gz', Buffer.from('compressed'), signal);
    const [request] = requests;
    expect(request).toMatchObject({
      method: 'PUT',
      protocol: 'https:',
      hostname: 'the-bucket.s3.eu-west-1.amazonaws.com',
      path: '/events/a.json.gz',
      body: Buffer.from('compressed'),
    });
    expect(request?.headers).toMatchObject({
      'content-length': '10',
      'x-amz-content-sha256': createHash('sha256').update('compressed').digest('hex'),
      'x-amz-security-token': 'token of the session',
      authorization: expect.stringMatching(/Credential=ASIAEXAMPLE\/\d{8}\/eu-west-1\/s3\/aws4_request/),
    });
  });

  it.each([
    ['cn-north-1', undefined, 'https://the-bucket.s3.cn-north-1.amazonaws.com.cn/events/a'],
    ['us-east-1', 'http://127.0.0.1:4566/', 'http://127.0.0.1:4566/the-bucket/events/a'],
  ])('in %s with the endpoint %s has the URL %s', async (region, endpoint, url) => {
    const { bucket, requests } = open({ region, ...(endpoint !== undefined && { endpoint }) }, [200, 'compressed']);
    expect((await bucket.read('events/a', signal)).toString()).toBe('compressed');
    const [{ protocol, hostname, port, path }] = requests as [SentRequest];
    expect(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`).toBe(url);
  });

  it.each([
    ['S3 is unavailable', [503, '<Error><Code>SlowDown</Code></Error>'] as [number, string]],
    ['the connection is lost', new Error('read ECONNRESET')],
  ])('repeats a request once if %s', async (_, failure) => {
    const { bucket, requests } = open({}, failure, [200, 'compressed'], failure, failure);
    expect((await bucket.read('events/a', signal)).toString()).toBe('compressed');
    expect(requests).toHaveLength(2);
    await expect(bucket.read('events/a', signal)).rejects.toThrow(/503 SlowDown|ECONNRESET/);
    expect(requests).toHaveLength(4);
  });

  it('does not repeat a rejected request', async () => {
    const { bucket, requests } = open({}, [403, '<Error><Code>AccessDenied</Code></Error>']);
    await expect(bucket.read('events/a', signal)).rejects.toThrow('S3 responded with 403 AccessDenied to GET events/a');
    expect(requests).toHaveLength(1);
  });
});
