import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DeleteObjectsCommand, NoSuchBucket, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';
import type { AwsConfig } from './aws-clients.ts';
import { readDeployedStack } from './deployed-stack.ts';
import { DeploymentError } from './deployment-error.ts';

/**
 * Deletes the stack's large events, because CloudFormation deletes only empty buckets.
 *
 * @throws {DeploymentError} if S3 does not delete an object
 */
export async function emptyLargeEventsBucket(config: AwsConfig, stackName: string): Promise<void> {
  const bucket = await findBucket(config, stackName);
  if (bucket === undefined) return;
  const client = new S3Client(config);
  try {
    for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket: bucket })) {
      if (Contents.length === 0) continue;
      const Objects = Contents.map(({ Key }) => ({ Key }));
      const command = new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } });
      const { Errors: [failure] = [] } = await client.send(command);
      if (failure === undefined) continue;
      throw new DeploymentError(
        `S3 did not delete ${failure.Key} from the bucket ${bucket} (${failure.Code}). Nothing else was deleted.`,
      );
    }
  } catch (error) {
    if (!(error instanceof NoSuchBucket)) throw error;
  }
}

async function findBucket(config: AwsConfig, stackName: string): Promise<string | undefined> {
  try {
    return (await readDeployedStack(new CloudFormationClient(config), stackName)).physicalId('LargeEventsBucket');
  } catch (error) {
    if (error instanceof DeploymentError) return undefined;
    throw error;
  }
}
