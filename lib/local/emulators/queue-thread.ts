import { workerData } from 'node:worker_threads';
import { type BuildAppOptions, buildApp } from 'fauxqs';
import { type EmulatorData, serveEmulator } from './emulator.ts';
import { MessageStore, type SqsStore } from './message-store.ts';

// A thread that is SQS. fauxqs' own `startFauxqs` would listen on every interface; decrypted events are nobody else's
// business.

const HOST = '127.0.0.1';

const { folder } = workerData as EmulatorData;
const messages = folder === undefined ? undefined : new MessageStore(folder);
const fauxqs = buildApp({ logger: false, ...(messages && { stores: await storesOn(messages) }) });
if (messages) {
  fauxqs.addHook('onSend', () => messages.commit());
  fauxqs.addHook('onClose', async () => messages.close());
}
const restored = messages?.kept ?? [];
serveEmulator({ endpoint: await fauxqs.listen({ host: HOST, port: 0 }), restored }, () => fauxqs.close());

/** fauxqs takes stores, but does not export them: a version that keeps them elsewhere fails here, and names the file. */
async function storesOn(messages: MessageStore): Promise<NonNullable<BuildAppOptions['stores']>> {
  const module = new URL('sqs/sqsStore.js', import.meta.resolve('fauxqs'));
  const { SqsStore } = await import(module.href);
  const sqsStore: SqsStore = Object.assign(new SqsStore(), { persistence: messages });
  // Those of SNS and S3 are its own.
  return { sqsStore } as NonNullable<BuildAppOptions['stores']>;
}
