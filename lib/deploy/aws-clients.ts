import type { CloudFormationClientConfig } from '@aws-sdk/client-cloudformation';
import { SQSClient } from '@aws-sdk/client-sqs';

/** Region, credentials, proxy and retries, as the framework's own commands have them. */
export type AwsConfig = Pick<CloudFormationClientConfig, 'region' | 'credentials' | 'maxAttempts'>;

/** @returns a client that asks the region's endpoint, or that of `AWS_ENDPOINT_URL`, whatever host a queue's URL names */
export function openSqs(config: AwsConfig): SQSClient {
  return new SQSClient({ ...config, useQueueUrlAsEndpoint: false });
}
