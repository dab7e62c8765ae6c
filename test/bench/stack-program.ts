import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startStack } from '../../lib/local/stack.ts';
import { PROJECT_ROOT } from '../support/project.ts';

// Runs the local stack as `npm start` does, and sends the URLs of its gateway and queue to the parent process.

const { FEISHU_ENCRYPT_KEY = '', FEISHU_VERIFICATION_TOKEN = '' } = process.env;
const dataFolder = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
const { webhookUrl, queue } = await startStack({
  root: PROJECT_ROOT,
  environment: { FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN, LOG_LEVEL: 'INFO' },
  host: '127.0.0.1',
  port: 0,
  watch: false,
  dataFolder,
  onLine() {},
  onNotice() {},
  onApiCall() {},
});
process.send?.({ url: webhookUrl, queueUrl: queue.queueUrl, dataFolder });
process.once('disconnect', () => process.exit());
