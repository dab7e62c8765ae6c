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
  const upload = new Upload({
    client: s3,
    params: { Bucket: process.env.FILES_BUCKET, Key: key, Body: stream },
    queueSize: 1,
  });
  const abort = () => void upload.abort();
  signal.addEventListener('abort', abort);
  try {
    signal.throwIfAborted();
    await upload.done();
  } finally {
    signal.removeEventListener('abort', abort);
    // After a failure, nobody reads the rest of the download.
    stream.destroy();
  }
}
