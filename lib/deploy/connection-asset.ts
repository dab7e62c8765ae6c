import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { build } from 'esbuild';
import { connectionBundle } from '../build/bundle.ts';
import { DeploymentError } from './deployment-error.ts';

const FILE = 'connection.mjs';
/** Where the framework keeps what it packages: `deploy --package` finds the program there, too. */
const PACKAGE_FOLDER = '.serverless';

/**
 * Bundles the connection's program and puts it where the packaged functions are.
 *
 * @param root the project's folder
 * @param outdir where the bundles go
 * @throws {DeploymentError} when the project has no such program
 */
export async function packageConnection(root: string, outdir: string): Promise<void> {
  if (!existsSync(path.join(root, 'functions/connection.ts'))) {
    throw new DeploymentError(
      'longConnection=true needs functions/connection.ts, the program that keeps the connection.',
    );
  }
  await build(connectionBundle(root, outdir));
  await copyFile(path.join(outdir, FILE), path.join(root, PACKAGE_FOLDER, FILE));
}

/**
 * @param prefix of the stage's objects in the deployment bucket
 * @returns the packaged program's name in the bucket: it changes with the content, and so the task with the program
 */
export async function connectionKey(root: string, prefix: string): Promise<string> {
  const hash = createHash('sha256')
    .update(await readPackaged(root))
    .digest('hex');
  return `${prefix}/connection/${hash}/${FILE}`;
}

/** Uploads the packaged program. Older ones stay: tasks of an earlier deployment may still start, and so may a rollback's. */
export async function uploadConnection(client: S3Client, bucket: string, prefix: string, root: string): Promise<void> {
  const Key = await connectionKey(root, prefix);
  const Body = await readPackaged(root);
  await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: 'text/javascript' }));
}

function readPackaged(root: string): Promise<Buffer> {
  return readFile(path.join(root, PACKAGE_FOLDER, FILE));
}
