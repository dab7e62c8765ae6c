import { afterAll, beforeAll, expect, it } from 'vitest';
import { type HttpServer, startHttpServer } from '../../lib/local/http-server.ts';
import { ConnectProxy } from '../support/connect-proxy.ts';
import { createProject, type Project } from './support/project.ts';

const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_REGION: 'us-east-1',
  SLS_AWS_REQUEST_MAX_RETRIES: '0',
};

let proxy: ConnectProxy;
let aws: HttpServer;
const received: string[] = [];
const projects: Project[] = [];
beforeAll(async () => {
  proxy = await ConnectProxy.start(['example.com']);
  proxy.behavior = 407;
  aws = await startHttpServer('127.0.0.1', 0, (_, body) => {
    received.push(body.toString());
    return { statusCode: 400, headers: {}, body: '' };
  });
});
afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await aws.stop();
  await Promise.all(projects.map((project) => project.remove()));
});

async function runServerless(command: string, environment: Record<string, string>) {
  const project = await createProject({ ...CREDENTIALS, ...environment });
  projects.push(project);
  return project.serverless(...command.split(' '));
}

it.each(['doctor stack', 'info'])('serverless %s names a proxy that rejects it', async (command) => {
  const { code, output } = await runServerless(command, { HTTPS_PROXY: `http://user:secret@${proxy.host}` });
  expect(output).toContain(`through the proxy ${proxy.host} set in HTTPS_PROXY`);
  expect(output).not.toContain('secret@');
  expect(code).not.toBe(0);
  expect(proxy.requests).toContain('cloudformation.us-east-1.amazonaws.com:443');
});

it('serverless info does not use a proxy for AWS on this machine', async () => {
  proxy.requests.length = 0;
  const url = `http://${proxy.host}`;
  await runServerless('info', { HTTP_PROXY: url, HTTPS_PROXY: url, AWS_ENDPOINT_URL: aws.origin });
  expect(received).not.toEqual([]);
  expect(proxy.requests).toEqual([]);
});
