import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

// A mock of SQS that discards messages. It responds to `SendMessage` and `SendMessageBatch` with the checksums that the SDK
// verifies. An emulator would dominate the result. With the files of a key and a certificate as arguments it uses TLS, as
// SQS does.

let received = 0;
const storeMessage = ({ MessageBody }: { MessageBody: string }) => {
  received++;
  return { MessageId: randomUUID(), MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex') };
};
const operations: Record<string, (input: never) => object> = {
  'AmazonSQS.SendMessage': storeMessage,
  'AmazonSQS.SendMessageBatch': ({ Entries }: { Entries: { Id: string; MessageBody: string }[] }) => ({
    Successful: Entries.map(({ Id, MessageBody }) => ({ Id, ...storeMessage({ MessageBody }) })),
  }),
};
const respond: RequestListener = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const store = operations[String(request.headers['x-amz-target'])];
  if (store === undefined) return void response.writeHead(400).end('{}');
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify(store(JSON.parse(Buffer.concat(chunks).toString('utf8')) as never)));
};
const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const server = key && cert ? createSecureServer({ key, cert }, respond) : createServer(respond);
server.listen(0, '127.0.0.1', () => {
  process.send?.({ endpoint: `${key ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on('message', () => process.send?.({ received }));
process.once('disconnect', () => process.exit());
