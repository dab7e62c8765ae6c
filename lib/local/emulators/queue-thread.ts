import path from 'node:path';
import { workerData } from 'node:worker_threads';
import { type BuildAppOptions, buildApp } from 'fauxqs';
import { type EmulatorData, serveEmulator } from './emulator.ts';
import { MessageStore, type SqsStore } from './message-store.ts';

// The thread of the emulator of SQS and S3. It does not use `startFauxqs`, which listens on every interface and would expose
// decrypted events to the network.

const HOST = '127.0.0.1';

const { folder } = workerData as EmulatorData;
const messages = folder === undefined ? undefined : new MessageStore(folder);
const fauxqs = buildApp({
  logger: false,
  ...(messages && { stores: await createStores(messages, path.join(folder as string, 'large-events')) }),
});
if (messages) {
  fauxqs.addHook('onSend', () => messages.commit());
  fauxqs.addHook('onClose', async () => messages.close());
}
// Otherwise an unused connection of a client's pool gets the response 408 after a minute, and its next request reads it.
fauxqs.server.headersTimeout = 0;
const restored = messages?.restorable ?? [];
serveEmulator({ endpoint: await fauxqs.listen({ host: HOST, port: 0 }), restored }, () => fauxqs.close());

/** fauxqs accepts stores but does not export their classes. If a version moves a file, its import fails and names it. */
async function createStores(
  messages: MessageStore,
  objectsFolder: string,
): Promise<NonNullable<BuildAppOptions['stores']>> {
  const load = (file: string) => import(new URL(file, import.meta.resolve('fauxqs')).href);
  const { SqsStore } = await load('sqs/sqsStore.js');
  const { S3Store } = await load('s3/s3Store.js');
  const { FileS3Persistence } = await load('s3/fileS3Persistence.js');
  const sqsStore: SqsStore = Object.assign(new SqsStore(), { persistence: messages });
  const s3Store = new S3Store();
  const objects = new FileS3Persistence(objectsFolder);
  objects.loadS3(s3Store);
  s3Store.persistence = objects;
  // fauxqs creates the store of SNS itself.
  return { sqsStore, s3Store } as NonNullable<BuildAppOptions['stores']>;
}
