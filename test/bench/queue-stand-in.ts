import { createHash, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// A queue that takes messages and forgets them, as a process: it answers `SendMessage` as SQS does, with the checksum
// that the SDK verifies. A real emulator would be most of what the benchmark waits for.

let taken = 0;
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.headers['x-amz-target'] !== 'AmazonSQS.SendMessage') return void response.writeHead(400).end('{}');
  const { MessageBody } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  taken++;
  const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex');
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify({ MessageId: randomUUID(), MD5OfMessageBody }));
});
server.listen(0, '127.0.0.1', () => {
  process.send?.({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on('message', () => process.send?.({ taken }));
process.once('disconnect', () => process.exit());
