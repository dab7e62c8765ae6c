import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { buildApp } from 'fauxqs';

// An emulator of S3. `npx node test/files-to-s3/bucket.ts` starts it for npm start.

const BUCKET = 'files';

/** The emulator, with the bucket of extensions.yml. */
export class Bucket implements AsyncDisposable {
  readonly #server = buildApp({ logger: false });
  #client: S3Client | undefined;

  /** Starts the emulator, and points the handlers' client at it. */
  async start(port = 0): Promise<void> {
    const endpoint = await this.#server.listen({ host: '127.0.0.1', port });
    Object.assign(process.env, {
      FILES_BUCKET: BUCKET,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_ENDPOINT_URL_S3: endpoint,
    });
    this.#client = new S3Client({ forcePathStyle: true });
    await this.#client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  }

  async keys(): Promise<(string | undefined)[]> {
    const result = await this.#client?.send(new ListObjectsV2Command({ Bucket: BUCKET }));
    return (result?.Contents ?? []).map(({ Key }) => Key);
  }

  async read(key: string): Promise<Buffer> {
    const result = await this.#client?.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
    return Buffer.from((await result?.Body?.transformToByteArray()) ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.destroy();
    await this.#server.close();
  }
}

if (import.meta.main) {
  await new Bucket().start(Number(process.argv[2] ?? 9000));
  console.log('Add these lines to .env, and run npm start in another terminal:\n');
  const names = ['FILES_BUCKET', 'AWS_REGION', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_ENDPOINT_URL_S3'];
  for (const name of names) console.log(`${name}=${process.env[name]}`);
}
