import { isDeepStrictEqual } from 'node:util';
import { CloudFormationClient, GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { GetQueueUrlCommand, QueueDoesNotExist } from '@aws-sdk/client-sqs';
import { type AwsConfig, openSqs } from './aws-clients.ts';
import { describeParameterChanges } from './deployed-parameters.ts';
import { readDeployedStack } from './deployed-stack.ts';
import { DeploymentError } from './deployment-error.ts';
import type { Resource, Template } from './serverless.ts';
import { BUCKET_TYPE, countItems, isStore, QUEUE_TYPE, TABLE_TYPE } from './stored-items.ts';

/** A queue, a table or a bucket that an update would replace with an empty one, or delete. */
export interface Replacement {
  logicalId: string;
  type: string;
  change: 'replace' | 'delete';
}

/**
 * The properties whose change replaces the resource.
 *
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
 */
const REPLACING_PROPERTIES: Readonly<Record<string, readonly string[]>> = {
  [QUEUE_TYPE]: ['QueueName', 'FifoQueue'],
  [TABLE_TYPE]: ['TableName', 'KeySchema', 'LocalSecondaryIndexes', 'ImportSourceSpecification'],
  [BUCKET_TYPE]: ['BucketName'],
};

/** Finds the queues, tables and buckets of the deployed template that the next template replaces or deletes. */
export function findReplacements(deployed: Template, next: Template): Replacement[] {
  return Object.entries(deployed.Resources).flatMap(([logicalId, resource]): Replacement[] => {
    const { Type: type } = resource;
    if (!isStore({ logicalId, type })) return [];
    const successor = next.Resources[logicalId];
    if (successor === undefined) {
      // A retained one is neither deleted nor replaced.
      return resource.DeletionPolicy === 'Retain' ? [] : [{ logicalId, type, change: 'delete' }];
    }
    return isReplaced(resource, successor) ? [{ logicalId, type, change: 'replace' }] : [];
  });
}

export interface ReplacementGuardParts {
  config: AwsConfig;
  stackName: string;
  stage: string;
  /** The template to deploy. */
  template: Template;
  /** Replaces resources although they are not empty. */
  isAllowed: boolean;
  notice: (text: string) => void;
}

/**
 * Lists the parameters that a deployment changes. Rejects it if it would replace or delete a queue, a table or a bucket with items.
 *
 * @throws {DeploymentError} if items would be lost, or a queue that an earlier deployment replaced still has the new name
 */
export async function guardReplacements(parts: ReplacementGuardParts): Promise<void> {
  const { config, stackName, stage, template, isAllowed, notice } = parts;
  const client = new CloudFormationClient(config);
  const deployed = await readTemplate(client, stackName);
  if (deployed === undefined) return;
  const changes = describeParameterChanges(deployed, template);
  if (changes.length > 0) notice(`Changed parameters: ${changes.join(', ')}`);
  const replacements = findReplacements(deployed, template);
  if (replacements.length === 0) return;

  const stack = await readDeployedStack(client, stackName);
  const stores = replacements.flatMap((replacement) => {
    const physicalId = stack.physicalId(replacement.logicalId);
    return physicalId === undefined ? [] : [{ ...replacement, physicalId }];
  });
  const counted = await countItems(config, stores);
  const list = stores.map(
    ({ change, logicalId }, index) => `  ${change} ${logicalId}: ${counted[index]?.description ?? ''}`,
  );
  const isEmpty = counted.every(({ items }) => items === 0);
  if (!isEmpty && !isAllowed) {
    throw new DeploymentError(
      `This deployment would ${stores.some(({ change }) => change === 'delete') ? 'replace or delete' : 'replace'} ` +
        `parts of the stack ${stackName} that are not empty:\n${list.join('\n')}\n` +
        'To keep them, deploy with the parameters of the deployed stack. To change them, wait until they are empty, or ' +
        'pass --allow-replacement: replaced queues stay in the account, and ' +
        `npx serverless queues move --stage ${stage} moves their messages to the new ones.`,
    );
  }
  const names = stores.flatMap(({ logicalId, type, change }) =>
    type === QUEUE_TYPE && change === 'replace' ? (template.Resources[logicalId]?.Properties?.QueueName ?? []) : [],
  );
  const obstacle = await findQueue(config, names);
  if (obstacle !== undefined) {
    throw new DeploymentError(
      `The queue ${obstacle} exists already, because an earlier deployment replaced and retained it. Move its messages ` +
        `and delete it: npx serverless queues move --delete --stage ${stage}. Then wait for 60 s, because SQS does not ` +
        'accept the name earlier, and deploy again.',
    );
  }
  notice(`Parts of the stack ${stackName} that this deployment changes:\n${list.join('\n')}`);
  if (stores.some(({ change, type }) => change === 'replace' && type === QUEUE_TYPE)) {
    notice(
      `Replaced queues stay in the account. After the deployment, run: npx serverless queues move --stage ${stage}`,
    );
  }
}

function isReplaced(deployed: Resource, next: Resource): boolean {
  const signature = ({ Type: type, Properties = {} }: Resource) => [
    type,
    ...(REPLACING_PROPERTIES[type] ?? []).map((name) => Properties[name]),
    keyTypes(Properties),
  ];
  return !isDeepStrictEqual(signature(deployed), signature(next));
}

/** Returns the types of a table's key attributes. Other attributes may change without a replacement. */
function keyTypes({ KeySchema, AttributeDefinitions }: Record<string, unknown>): unknown {
  if (!Array.isArray(KeySchema) || !Array.isArray(AttributeDefinitions)) return undefined;
  const keys = KeySchema.map(({ AttributeName }) => AttributeName);
  return keys.map((key) => AttributeDefinitions.find(({ AttributeName }) => AttributeName === key)?.AttributeType);
}

/** @returns `undefined` if the stack does not exist */
async function readTemplate(client: CloudFormationClient, StackName: string): Promise<Template | undefined> {
  try {
    const { TemplateBody = '' } = await client.send(new GetTemplateCommand({ StackName, TemplateStage: 'Original' }));
    return JSON.parse(TemplateBody);
  } catch (error) {
    if (error instanceof Error && /does not exist/.test(error.message)) return undefined;
    throw error;
  }
}

/** Returns the first of the names that an existing queue has. */
async function findQueue(config: AwsConfig, names: readonly unknown[]): Promise<string | undefined> {
  const sqs = openSqs(config);
  for (const name of names) {
    if (typeof name !== 'string') continue;
    try {
      await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
      return name;
    } catch (error) {
      if (!(error instanceof QueueDoesNotExist)) throw error;
    }
  }
  return undefined;
}
