import type { CloudFormationClientConfig } from '@aws-sdk/client-cloudformation';
import { SQSClient } from '@aws-sdk/client-sqs';

/** The region, credentials, proxy and retries of the framework's own commands. */
export type AwsConfig = Pick<CloudFormationClientConfig, 'region' | 'credentials' | 'maxAttempts' | 'requestHandler'>;

/** Creates a client that uses the region's endpoint, or `AWS_ENDPOINT_URL`, instead of the host in a queue's URL. */
export function openSqs(config: AwsConfig): SQSClient {
  return new SQSClient({ ...config, useQueueUrlAsEndpoint: false });
}
