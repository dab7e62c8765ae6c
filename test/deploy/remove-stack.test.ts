import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { confirmRemoval } from '../../lib/deploy/remove-stack.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';

// The stack does not exist. guards.deploy.ts removes one that does.

const ERROR =
  '<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>' +
  '<Message>Stack with id bots-dev does not exist</Message></Error></ErrorResponse>';

let server: Awaited<ReturnType<typeof startHttpServer>>;
beforeAll(async () => {
  const headers = { 'content-type': 'text/xml' };
  server = await startHttpServer('127.0.0.1', 0, async () => ({ statusCode: 400, headers, body: ERROR }));
});
afterAll(() => server.stop());

/** @param typed input at a terminal; without it there is no terminal */
async function remove(typed?: string, isConfirmed = false): Promise<string[]> {
  const lines: string[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: typed !== undefined });
  if (typed !== undefined) input.write(typed);
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const config = { region: 'eu-west-1', credentials, endpoint: server.origin };
  await confirmRemoval({
    config,
    account: '123456789012',
    region: 'eu-west-1',
    stackName: 'bots-dev',
    secretName: 'bots/dev',
    isConfirmed,
    input: input as unknown as NodeJS.ReadStream,
    print: (line) => lines.push(line),
  });
  return lines;
}

test('A removal names the account, the region, the stack and the secret, and continues after yes', async () => {
  expect(await remove('yes\n')).toEqual([
    'Account 123456789012, region eu-west-1, stack bots-dev. This deletes permanently:',
    '  nothing: the stack does not exist',
    'It also deletes the secret bots/dev, which you can restore for 7 days.',
  ]);
});

test('Any other answer stops it', async () => {
  await expect(remove('y\n')).rejects.toThrow('Nothing was deleted.');
});

test('Without a terminal, it needs --yes', async () => {
  await expect(remove()).rejects.toThrow('Nothing was deleted: not a terminal. Pass --yes to confirm');
  expect(await remove(undefined, true)).toHaveLength(3);
});
