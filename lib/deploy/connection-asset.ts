import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { connectionBundle } from '../build/bundle.ts';
import { packageReport } from '../build/installed-packages.ts';
import { findReferencedFiles } from '../build/referenced-files.ts';
import { buildBundle } from './build-bundle.ts';
import { DeploymentError } from './deployment-error.ts';

const FILE = 'connection.mjs';
/** The framework's package folder, so that `deploy --package` finds the program too. */
const PACKAGE_FOLDER = '.serverless';

/**
 * Bundles the long-connection program and copies it to the framework's package folder.
 *
 * @param root the project's folder
 * @param outdir the folder of bundles
 * @returns warnings about packages
 * @throws {DeploymentError} if the project has no such program, or the program cannot be built or reads other files
 */
export async function packageConnection(root: string, outdir: string): Promise<string[]> {
  if (!existsSync(path.join(root, 'functions/connection.ts'))) {
    throw new DeploymentError('longConnection=true needs the program functions/connection.ts, which does not exist.');
  }
  const { metafile, warnings } = await buildBundle(connectionBundle(root, outdir));
  const { files } = await findReferencedFiles(root, metafile);
  if (files.length > 0) {
    throw new DeploymentError(
      `Callback handlers read files, but the long-connection program is deployed as one file: ${files.join(', ')}. ` +
        'Import them instead, as .txt, .md, .json or .wasm, or read them in the handler of the queued callback, v2/card.action.trigger.ts.',
    );
  }
  await copyFile(path.join(outdir, FILE), path.join(root, PACKAGE_FOLDER, FILE));
  const { reasons = new Map<string, string>() } = packageReport(warnings) ?? {};
  return [...reasons].map(
    ([name, reason]) =>
      `The long-connection program is one file, which contains the package ${name} (${reason}). Check that the callback handlers that use it work with npm start -- --long-connection.`,
  );
}

/**
 * Returns the packaged program's key in the deployment bucket. It contains a hash, so that a changed program changes the
 * task definition.
 *
 * @param root the project's folder
 * @param prefix the prefix of the stage's objects
 */
export async function connectionKey(root: string, prefix: string): Promise<string> {
  const hash = createHash('sha256')
    .update(await readPackaged(root))
    .digest('hex');
  return `${prefix}/connection/${hash}/${FILE}`;
}

/** Uploads the packaged program. Keeps older ones, because tasks of earlier deployments may still start, as in a rollback. */
export async function uploadConnection(client: S3Client, bucket: string, prefix: string, root: string): Promise<void> {
  const Key = await connectionKey(root, prefix);
  const Body = await readPackaged(root);
  await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ContentType: 'text/javascript' }));
}

function readPackaged(root: string): Promise<Buffer> {
  return readFile(path.join(root, PACKAGE_FOLDER, FILE));
}
