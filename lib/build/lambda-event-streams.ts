/** Stands in for the SDK's event streams in the functions' bundles: no operation of SQS or DynamoDB has one. */
export {};
