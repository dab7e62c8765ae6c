import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { CreateTableCommand, DynamoDBClient, GetItemCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { writeRequest } from '../../lib/feishu/request.ts';
import { startHttpServer } from '../../lib/local/http-server.ts';
import type { Stack } from '../../lib/local/stack.ts';
import { createSample } from '../../lib/samples/samples.ts';
import { deliver } from '../support/deliver.ts';
import { startLocalStack } from '../support/local-stack.ts';
import { createProject } from '../support/project.ts';
import { encryptKey, verificationToken as token } from '../support/secrets.ts';
import { wait } from '../support/wait.ts';

const HANDLER = `import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { onEventV1 } from '#feishu-events';

const dynamo = new DynamoDBClient();
const s3 = new S3Client({ forcePathStyle: true });

export default onEventV1('message', async () => {
  await dynamo.send(new PutItemCommand({ TableName: 'chats', Item: { id: { S: 'one' } } }));
  await s3.send(new PutObjectCommand({ Bucket: 'files', Key: 'one', Body: 'text' }));
});`;

const CONFIG = '[profile work]\nregion = eu-central-1\n';
const CREDENTIALS =
  '[work]\naws_access_key_id = AKIAWORK\naws_secret_access_key = secret\naws_session_token = the-session\n';

describe("Under npm start, a handler's own AWS clients", () => {
  const uploads: IncomingMessage[] = [];
  let services: AsyncDisposableStack;
  let stack: Stack;
  let ownDatabase: DynamoDBClient;

  beforeAll(async () => {
    services = new AsyncDisposableStack();
    const project = services.use(await createProject());
    await project.writeHandler('v1/message.ts', HANDLER);
    const [config, credentials] = [path.join(project.root, 'config'), path.join(project.root, 'credentials')];
    await Promise.all([writeFile(config, CONFIG), writeFile(credentials, CREDENTIALS)]);

    const s3 = await startHttpServer('127.0.0.1', 0, (request) => {
      uploads.push(request);
      return { statusCode: 200, headers: {}, body: '' };
    });
    services.defer(() => s3.stop());
    const server = dynalite({ createTableMs: 0 }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    services.defer(() => {
      server.closeAllConnections();
      server.close();
    });
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    ownDatabase = new DynamoDBClient({
      endpoint,
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIAWORK', secretAccessKey: 'secret' },
    });
    services.defer(() => ownDatabase.destroy());
    await ownDatabase.send(
      new CreateTableCommand({
        TableName: 'chats',
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      }),
    );

    stack = await startLocalStack({
      root: project.root,
      environment: {
        FEISHU_ENCRYPT_KEY: encryptKey,
        FEISHU_VERIFICATION_TOKEN: token,
        AWS_PROFILE: 'work',
        AWS_CONFIG_FILE: config,
        AWS_SHARED_CREDENTIALS_FILE: credentials,
        AWS_ENDPOINT_URL_DYNAMODB: endpoint,
        AWS_ENDPOINT_URL_S3: s3.origin,
        // Nothing listens here: the template's own SQS client would fail.
        AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:9',
      },
    });
    services.defer(() => stack.stop());
    const text = createSample('message', { version: '1.0', token });
    const response = await deliver(stack.webhookUrl, writeRequest(text, { encryptKey }, Date.now()));
    expect(response.status).toBe(200);
    await vi.waitFor(() => expect(stack.events()[0]).toMatchObject({ status: 'handled' }), wait);
  });
  afterAll(() => services.disposeAsync());

  it('use the database of AWS_ENDPOINT_URL_DYNAMODB, which contains nothing of the template', async () => {
    const key = { TableName: 'chats', Key: { id: { S: 'one' } } };
    expect((await ownDatabase.send(new GetItemCommand(key))).Item).toEqual({ id: { S: 'one' } });
    expect((await ownDatabase.send(new ListTablesCommand())).TableNames).toEqual(['chats']);
  });

  it("sign requests to AWS_ENDPOINT_URL_S3 with the profile's key, session token and region", () => {
    const [upload] = uploads;
    expect(upload?.url).toMatch(/^\/files\/one/);
    expect(upload?.headers.authorization).toMatch(/Credential=AKIAWORK\/\d+\/eu-central-1\/s3\//);
    expect(upload?.headers['x-amz-security-token']).toBe('the-session');
  });
});
