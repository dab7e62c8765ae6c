import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startStack } from '../../lib/local/stack.ts';
import { PROJECT_ROOT } from '../support/project.ts';

// The local stack as a process, as `npm start` runs it, which says where its gateway and its queue are.

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
