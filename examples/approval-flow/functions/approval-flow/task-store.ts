import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  type GetItemCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';

/** A task of an approval: one approver has to decide. */
export interface Task {
  id: string;
  approvalCode: string;
  instanceCode: string;
  /** The approver's open_id. */
  approver: string;
  /** For example `PENDING` or `APPROVED`. */
  status: string;
  /** When the status changed, in milliseconds since the epoch. */
  changedAt: number;
}

export interface StoredTask extends Task {
  /** The message that contains the approver's card, once it is sent. */
  cardMessageId: string | undefined;
}

const dynamo = new DynamoDBClient();

export async function findTask(id: string): Promise<StoredTask | undefined> {
  const { Item } = await dynamo.send(new GetItemCommand({ ...keyOf(id), ConsistentRead: true }));
  return Item && readTask(Item);
}

/**
 * Stores a task with its new status.
 *
 * @returns the stored task, which has the status of a later change if that arrived first
 */
export async function saveTask(task: Task): Promise<StoredTask> {
  try {
    const { Attributes = {} } = await dynamo.send(
      new UpdateItemCommand({
        ...keyOf(task.id),
        // Later events contain who decided, which may be an administrator.
        UpdateExpression:
          'SET approver = if_not_exists(approver, :approver), approvalCode = :code, instanceCode = :instance, #s = :s, changedAt = :at',
        // Events may arrive late or more than once.
        ConditionExpression: 'attribute_not_exists(changedAt) OR changedAt <= :at',
        ExpressionAttributeNames: { '#s': 'status' },
        ExpressionAttributeValues: {
          ':code': { S: task.approvalCode },
          ':instance': { S: task.instanceCode },
          ':approver': { S: task.approver },
          ':s': { S: task.status },
          ':at': { N: `${task.changedAt}` },
        },
        ReturnValues: 'ALL_NEW',
      }),
    );
    return readTask(Attributes);
  } catch (error) {
    const later = error instanceof ConditionalCheckFailedException ? await findTask(task.id) : undefined;
    if (later !== undefined) return later;
    throw error;
  }
}

/** Stores which message contains the task's card. Returns the task, whose status may have changed meanwhile. */
export async function saveCard(id: string, messageId: string): Promise<StoredTask> {
  const { Attributes = {} } = await dynamo.send(
    new UpdateItemCommand({
      ...keyOf(id),
      UpdateExpression: 'SET cardMessageId = :message',
      ExpressionAttributeValues: { ':message': { S: messageId } },
      ReturnValues: 'ALL_NEW',
    }),
  );
  return readTask(Attributes);
}

function keyOf(id: string) {
  const table = process.env.APPROVALS_TABLE;
  if (!table) throw new Error('APPROVALS_TABLE is not set. For npm start, set it in .env: see docs/examples.md');
  return { TableName: table, Key: { task: { S: id } } };
}

function readTask(item: NonNullable<GetItemCommandOutput['Item']>): StoredTask {
  const text = (name: string) => item[name]?.S ?? '';
  return {
    id: text('task'),
    approvalCode: text('approvalCode'),
    instanceCode: text('instanceCode'),
    approver: text('approver'),
    status: text('status'),
    changedAt: Number(item.changedAt?.N),
    cardMessageId: item.cardMessageId?.S,
  };
}
