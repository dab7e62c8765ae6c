/** Replaces the SDK's event streams in the functions' bundles. SQS and DynamoDB do not use them. */
export {};
