import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';

// A queue that takes messages and forgets them, as a process: it answers `SendMessage` as SQS does, with the checksum
// that the SDK verifies. A real emulator would be most of what the benchmark waits for. With the files of a key and a
// certificate as arguments it speaks TLS, as SQS does.

let taken = 0;
const answer: RequestListener = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.headers['x-amz-target'] !== 'AmazonSQS.SendMessage') return void response.writeHead(400).end('{}');
  const { MessageBody } = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  taken++;
  const MD5OfMessageBody = createHash('md5').update(MessageBody).digest('hex');
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify({ MessageId: randomUUID(), MD5OfMessageBody }));
};
const [key, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const server = key && cert ? createSecureServer({ key, cert }, answer) : createServer(answer);
server.listen(0, '127.0.0.1', () => {
  process.send?.({ endpoint: `${key ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
process.on('message', () => process.send?.({ taken }));
process.once('disconnect', () => process.exit());
