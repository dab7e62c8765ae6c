import path from 'node:path';
import { openPromise } from 'yauzl';
import { DeploymentError } from './deployment-error.ts';

const BYTES_PER_MEGABYTE = 1024 * 1024;
/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAXIMUM_BYTES = 250 * BYTES_PER_MEGABYTE;
/** Larger artifacts make cold starts noticeably slower. */
export const REPORTED_BYTES = 10 * BYTES_PER_MEGABYTE;
const LISTED_PARTS = 10;

/**
 * Checks that a function's artifact is not larger than Lambda allows.
 *
 * @param functionName the function's name in serverless.yml
 * @param file the path of the zip file
 * @param maximumBytes the largest unzipped size
 * @returns the unzipped size in bytes
 * @throws {DeploymentError} if it is larger; the message lists the largest parts
 */
export async function checkArtifactSize(
  functionName: string,
  file: string,
  maximumBytes = MAXIMUM_BYTES,
): Promise<number> {
  const parts = new Map<string, number>();
  let total = 0;
  const zip = await openPromise(file);
  for await (const { fileName, uncompressedSize } of zip.eachEntry()) {
    const part = partOf(fileName);
    parts.set(part, (parts.get(part) ?? 0) + uncompressedSize);
    total += uncompressedSize;
  }
  if (total <= maximumBytes) return total;
  const largest = [...parts].toSorted(([, a], [, b]) => b - a).slice(0, LISTED_PARTS);
  throw new DeploymentError(
    `The artifact of the function ${functionName}, ${path.basename(file)}, has ${toMegabytes(total)} MB unzipped. Lambda allows ${toMegabytes(maximumBytes)} MB. The largest parts are:\n` +
      `${largest.map(([part, bytes]) => `  ${toMegabytes(bytes).padStart(6)} MB  ${part}`).join('\n')}\n` +
      'Move handlers that need large packages into a function of their own, use smaller packages, or move files to S3.',
  );
}

/** Returns a size in megabytes, as Lambda counts them, with one digit after the point. */
export function toMegabytes(bytes: number): string {
  return (bytes / BYTES_PER_MEGABYTE).toFixed(1);
}

/** The package, or the file. */
function partOf(fileName: string): string {
  return /^(?:.*?\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(fileName)?.[0] ?? fileName;
}
