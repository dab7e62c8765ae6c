import type { Readable } from 'node:stream';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

// Servers other than S3 usually expect the bucket's name in the path.
const s3 = new S3Client({ forcePathStyle: process.env.AWS_ENDPOINT_URL_S3 !== undefined });

/**
 * Uploads a stream in parts of 5 MB, of which only one at a time is in memory. Replaces the object if it exists.
 *
 * @param key the object's key
 * @param signal ends the upload
 */
export async function storeFile(key: string, stream: Readable, signal: AbortSignal): Promise<void> {
  // A failed upload leaves the rest of the download unread.
  using _download = { [Symbol.dispose]: () => stream.destroy() };
  const bucket = process.env.FILES_BUCKET;
  if (!bucket) throw new Error('FILES_BUCKET is not set. For npm start, set it in .env: see docs/examples.md');
  const upload = new Upload({ client: s3, params: { Bucket: bucket, Key: key, Body: stream }, queueSize: 1 });
  signal.throwIfAborted();
  const abort = () => void upload.abort();
  signal.addEventListener('abort', abort);
  await upload.done().finally(() => signal.removeEventListener('abort', abort));
}
