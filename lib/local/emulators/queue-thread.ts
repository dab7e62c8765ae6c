import { workerData } from 'node:worker_threads';
import { type BuildAppOptions, buildApp } from 'fauxqs';
import { type EmulatorData, serveEmulator } from './emulator.ts';
import { MessageStore, type SqsStore } from './message-store.ts';

// The thread of the SQS emulator. It does not use `startFauxqs`, which listens on every interface and would expose
// decrypted events to the network.

const HOST = '127.0.0.1';

const { folder } = workerData as EmulatorData;
const messages = folder === undefined ? undefined : new MessageStore(folder);
const fauxqs = buildApp({ logger: false, ...(messages && { stores: await createStores(messages) }) });
if (messages) {
  fauxqs.addHook('onSend', () => messages.commit());
  fauxqs.addHook('onClose', async () => messages.close());
}
const restored = messages?.restorable ?? [];
serveEmulator({ endpoint: await fauxqs.listen({ host: HOST, port: 0 }), restored }, () => fauxqs.close());

/** fauxqs accepts stores but does not export their classes. If a version moves the file, this import fails and names it. */
async function createStores(messages: MessageStore): Promise<NonNullable<BuildAppOptions['stores']>> {
  const module = new URL('sqs/sqsStore.js', import.meta.resolve('fauxqs'));
  const { SqsStore } = await import(module.href);
  const sqsStore: SqsStore = Object.assign(new SqsStore(), { persistence: messages });
  // fauxqs creates the stores of SNS and S3 itself.
  return { sqsStore } as NonNullable<BuildAppOptions['stores']>;
}
