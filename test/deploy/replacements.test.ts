import { expect, test } from 'vitest';
import { findReplacements } from '../../lib/deploy/replacements.ts';
import type { Resource } from '../../lib/deploy/serverless.ts';

const queue = (Properties: object): Resource => ({ Type: 'AWS::SQS::Queue', Properties: { ...Properties } });
const table = (Properties: object): Resource => ({ Type: 'AWS::DynamoDB::Table', Properties: { ...Properties } });
const bucket = (Properties: object): Resource => ({ Type: 'AWS::S3::Bucket', Properties: { ...Properties } });
const find = (deployed: Resource, next: Resource | undefined) =>
  findReplacements({ Resources: { Store: deployed } }, { Resources: next === undefined ? {} : { Store: next } }).map(
    ({ change }) => change,
  );

const KEY = {
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
};

test.each([
  ['the name of a queue', queue({ QueueName: 'a' }), queue({ QueueName: 'a.fifo', FifoQueue: true })],
  ['the type of a queue', queue({}), queue({ FifoQueue: true })],
  ['the name of a table', table({ ...KEY, TableName: 'a' }), table({ ...KEY, TableName: 'b' })],
  ['the key of a table', table(KEY), table({ ...KEY, KeySchema: [{ AttributeName: 'other', KeyType: 'HASH' }] })],
  [
    "the type of a table's key",
    table(KEY),
    table({ ...KEY, AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'N' }] }),
  ],
  ['the name of a bucket', bucket({}), bucket({ BucketName: 'b' })],
  ['the type of a resource', queue({}), { Type: 'AWS::SNS::Topic' }],
])('A change of %s replaces it', (_, deployed, next) => {
  expect(find(deployed, next)).toEqual(['replace']);
});

test.each([
  ['of a queue', queue({ QueueName: 'a', VisibilityTimeout: 360 }), queue({ QueueName: 'a', VisibilityTimeout: 720 })],
  [
    'of a table that are not in the key',
    table(KEY),
    table({ ...KEY, AttributeDefinitions: [...KEY.AttributeDefinitions, { AttributeName: 'x', AttributeType: 'S' }] }),
  ],
  ['of other resources', { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'a' } }, { Type: 'AWS::SNS::Topic' }],
])('A change of other properties %s replaces nothing', (_, deployed, next) => {
  expect(find(deployed, next)).toEqual([]);
});

test("The framework's own bucket is neither replaced nor deleted", () => {
  const deployed = { Resources: { ServerlessDeploymentBucket: bucket({}) } };
  expect(findReplacements(deployed, { Resources: {} })).toEqual([]);
});

test('A queue or a table that is no longer in the template is deleted, unless its policy retains it', () => {
  expect(find(queue({}), undefined)).toEqual(['delete']);
  expect(find({ ...table(KEY), DeletionPolicy: 'Delete' }, undefined)).toEqual(['delete']);
  expect(find({ ...table(KEY), DeletionPolicy: 'Retain' }, undefined)).toEqual([]);
});
