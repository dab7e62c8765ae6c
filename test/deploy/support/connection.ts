import { createServer } from 'node:http';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

// Stands in for the program of the long connection where the deployment is tested, not the program: it needs what the
// real one needs of its task - environment, secrets, credentials, health check, SIGTERM - and says what it got.

const { QUEUE_URL, ...environment } = process.env;
const names = Object.keys(environment).filter((name) => /^(FEISHU|LOG|POWERTOOLS|AWS_REGION)/.test(name));
const server = createServer((_, response) => response.end('ok')).listen(8080, '127.0.0.1');
await new SQSClient().send(new SendMessageCommand({ QueueUrl: QUEUE_URL, MessageBody: JSON.stringify(names.sort()) }));
process.once('SIGTERM', () => server.close(() => process.exit(0)));
