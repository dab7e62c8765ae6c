import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startLocalStack } from '../support/local-stack.ts';

// Runs the local stack as `npm start` does, and sends the URLs of its gateway and queue to the parent process.

const { FEISHU_ENCRYPT_KEY = '', FEISHU_VERIFICATION_TOKEN = '' } = process.env;
const dataFolder = await mkdtemp(path.join(tmpdir(), 'feishu-events-bench-'));
const stack = await startLocalStack({
  environment: { FEISHU_ENCRYPT_KEY, FEISHU_VERIFICATION_TOKEN, LOG_LEVEL: 'INFO' },
  dataFolder,
  onLine() {},
});
process.send?.({ url: stack.webhookUrl, queueUrl: stack.queue.queueUrl, dataFolder });
process.once('disconnect', async () => {
  // Ends esbuild's builds. Its process would otherwise report a deadlock with the stacks of all its goroutines.
  await stack.stop();
  process.exit();
});
