import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createProject, type Project } from './support/project.ts';

/** The service name of a second app in the same account. */
const SERVICE = 'other-app';

describe('with another service name, the secret has that name', () => {
  const secretIds: string[] = [];
  let aws: Server;
  let project: Project;
  beforeAll(async () => {
    aws = createServer(async (request, response) => {
      const { status, body } = respond(request, Buffer.concat(await request.toArray()).toString());
      response.writeHead(status).end(body);
    });
    await once(aws.listen(0, '127.0.0.1'), 'listening');
    project = await createProject({
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(aws.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      AWS_MAX_ATTEMPTS: '1',
      SLS_AWS_REQUEST_MAX_RETRIES: '1',
    });
    const file = path.join(project.folder, 'serverless.yml');
    await writeFile(file, (await readFile(file, 'utf8')).replace('service: feishu-events', `service: ${SERVICE}`));
    await project.writeEnvironment({ FEISHU_ENCRYPT_KEY: 'a key' });
  });
  afterAll(async () => {
    aws.close();
    await project.remove();
  });
  beforeEach(() => {
    secretIds.length = 0;
  });

  /** Mocks AWS with a stack without resources and without a secret. Rejects other requests. */
  function respond({ headers }: IncomingMessage, body: string): { status: number; body: string } {
    if (String(headers['x-amz-target']).startsWith('secretsmanager.')) {
      const { SecretId, Name } = JSON.parse(body);
      secretIds.push(SecretId ?? Name);
      if (Name === undefined) return { status: 400, body: '{"__type":"ResourceNotFoundException"}' };
      return { status: 200, body: '{"ARN":"arn:aws:secretsmanager:us-east-1:1:secret:example","VersionId":"1"}' };
    }
    const action = new URLSearchParams(body).get('Action');
    const results: Record<string, string> = {
      DescribeStacks: `<Stacks><member><StackName>${SERVICE}-dev</StackName><StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks>`,
      ListStackResources: '<StackResourceSummaries/>',
    };
    const result = results[action ?? ''];
    if (result === undefined) return { status: 400, body: '' };
    const name = `${action}Result`;
    return { status: 200, body: `<${action}Response><${name}>${result}</${name}></${action}Response>` };
  }

  it('in serverless doctor stack', async () => {
    const { output } = await project.serverless('doctor', 'stack');
    expect(output).toContain(`The secret ${SERVICE}/dev is missing`);
    expect(new Set(secretIds)).toEqual(new Set([`${SERVICE}/dev`]));
  });

  it('in serverless secrets', async () => {
    const { code, output } = await project.serverless('secrets', '--stage', 'prod');
    expect(output).toContain(`Created the secret ${SERVICE}/prod`);
    expect(new Set(secretIds)).toEqual(new Set([`${SERVICE}/prod`]));
    expect(code).toBe(0);
  });

  it('in the template', async () => {
    const template = JSON.stringify(await project.package('--param', 'longConnection=true'));
    expect(template).toContain(`{{resolve:secretsmanager:${SERVICE}/dev:SecretString:FEISHU_ENCRYPT_KEY`);
    expect(template).toContain(`:secret:${SERVICE}/dev-??????`);
    expect(template).not.toContain('feishu-events/dev');
  });
});
