import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Message } from '@aws-sdk/client-sqs';
import type { BuildAppOptions } from 'fauxqs';

export type SqsStore = NonNullable<BuildAppOptions['stores']>['sqsStore'];
type Persistence = NonNullable<SqsStore['persistence']>;
type SqsQueue = ReturnType<SqsStore['createQueue']>;
type SqsMessage = SqsQueue['messages'][number];

/** What fauxqs tells of a queue's changes. */
type QueuePersistence = Pick<
  Persistence,
  | 'insertQueue'
  | 'deleteQueue'
  | 'updateQueueAttributes'
  | 'updateQueueSequenceCounter'
  | 'insertMessage'
  | 'deleteMessage'
  | 'updateMessageInflight'
  | 'updateMessageReady'
  | 'deleteQueueMessages'
>;

/** A message that an earlier process left. */
export interface KeptMessage {
  /** The queue's name, without `.fifo`. */
  queue: string;
  /** As it was last received, or as it would be received first. */
  message: Message;
}

interface StoredMessage {
  message_id: string;
  queue: string;
  message: string;
  receive_count: number;
  first_received: number | null;
  receipt_handle: string | null;
  hidden_until: number | null;
}

/** Of the tables below: a folder of another version is refused. */
const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL,
    message TEXT NOT NULL,
    receive_count INTEGER NOT NULL,
    first_received INTEGER,
    receipt_handle TEXT,
    hidden_until INTEGER
  ) STRICT;
  PRAGMA user_version = ${SCHEMA_VERSION};`;
const SQLITE_BUSY = 5;

/**
 * Keeps the messages of fauxqs' queues in a file. The `PersistenceManager` of fauxqs 2.4 does not do: it fails when a
 * message is made visible at once, loses one that is killed on its way to the dead-letter queue, waits for the disk with
 * each message, and a new process would find hidden what the dead one was working on.
 *
 * A queue gets back the messages it had when it is created again, whatever its address and whether it is FIFO now. What
 * was being worked on is visible at once, for nobody works on it any more; what waits for its next attempt goes on
 * waiting.
 */
export class MessageStore implements QueuePersistence {
  readonly #database: DatabaseSync;
  readonly #restorable: Map<string, StoredMessage[]>;
  readonly #statements: ReturnType<typeof prepare>;
  #nextCommit: Promise<void> | undefined;

  /**
   * @param folder is created, for this user alone, when it is not there
   * @throws when another process uses it, or when it cannot be read; the message says what to do
   */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Also where it was there already.
    chmodSync(folder, 0o700);
    try {
      this.#database = openDatabase(path.join(folder, 'messages.sqlite'));
      const stored = this.#database.prepare('SELECT * FROM messages ORDER BY position').all();
      this.#restorable = Map.groupBy(stored as unknown as StoredMessage[], ({ queue }) => queue);
      this.#statements = prepare(this.#database);
    } catch (cause) {
      throw new Error(describe(cause, folder), { cause });
    }
  }

  /** What waits for its queue to be created, oldest first. */
  get kept(): KeptMessage[] {
    return [...this.#restorable].flatMap(([queue, rows]) => rows.map((row) => ({ queue, message: toMessage(row) })));
  }

  /**
   * Makes all that was told since the last time outlive the process: a message that moves between queues is never in
   * neither. Before that nothing of it must be answered. Requests that come together share one commit.
   */
  commit(): Promise<void> {
    this.#nextCommit ??= new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.#nextCommit = undefined;
        try {
          this.#commitNow();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    return this.#nextCommit;
  }

  close(): void {
    this.#commitNow();
    this.#database.close();
  }

  insertQueue(queue: SqsQueue): void {
    const name = storedName(queue.name);
    const stored = this.#restorable.get(name) ?? [];
    this.#restorable.delete(name);
    for (const row of stored) restore(queue, row);
  }

  insertMessage(queueName: string, message: SqsMessage): void {
    const { approximateReceiveCount, approximateFirstReceiveTimestamp, ...sent } = message;
    this.#change().insert.run(
      message.messageId,
      storedName(queueName),
      JSON.stringify(sent),
      approximateReceiveCount,
      approximateFirstReceiveTimestamp ?? null,
    );
  }

  deleteMessage(messageId: string): void {
    this.#change().delete.run(messageId);
  }

  updateMessageInflight(
    messageId: string,
    receiptHandle: string,
    visibilityDeadline: number,
    receiveCount: number,
    firstReceived: number | undefined,
  ): void {
    const hidden = { receiptHandle, visibilityDeadline, receiveCount, firstReceived: firstReceived ?? null, messageId };
    this.#change().hide.run(hidden);
  }

  updateMessageReady(messageId: string): void {
    this.#change().show.run(messageId);
  }

  deleteQueue(name: string): void {
    this.deleteQueueMessages(name);
  }

  deleteQueueMessages(name: string): void {
    this.#change().deleteAll.run(storedName(name));
  }

  /** Who creates a queue gives its attributes, each time. */
  updateQueueAttributes(): void {}

  /** Follows from the messages. */
  updateQueueSequenceCounter(): void {}

  #change() {
    if (!this.#database.isTransaction) this.#database.exec('BEGIN');
    return this.#statements;
  }

  #commitNow(): void {
    if (this.#database.isTransaction) this.#database.exec('COMMIT');
  }
}

function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  // One process at a time: the lock is held until it ends, however it does.
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE; COMMIT');
  // What is committed outlives the process. After a power cut, the last moments may be missing.
  database.exec('PRAGMA synchronous = NORMAL');
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version === 0) database.exec(`BEGIN; ${SCHEMA} COMMIT`);
  else if (version !== SCHEMA_VERSION) throw new Error(`It is of another version: ${version}`);
  return database;
}

function prepare(database: DatabaseSync) {
  return {
    insert: database.prepare(
      'INSERT INTO messages (message_id, queue, message, receive_count, first_received) VALUES (?, ?, ?, ?, ?)',
    ),
    delete: database.prepare('DELETE FROM messages WHERE message_id = ?'),
    deleteAll: database.prepare('DELETE FROM messages WHERE queue = ?'),
    show: database.prepare('UPDATE messages SET receipt_handle = NULL, hidden_until = NULL WHERE message_id = ?'),
    // With a new receipt handle the message has been received; with the one it had, it has been postponed.
    hide: database.prepare(`
      UPDATE messages SET
        hidden_until = CASE WHEN receipt_handle IS :receiptHandle THEN :visibilityDeadline END,
        receipt_handle = :receiptHandle, receive_count = :receiveCount, first_received = :firstReceived
      WHERE message_id = :messageId`),
  };
}

/** A FIFO queue and a standard one of the same name have the same messages: a project can change from one to the other. */
function storedName(queueName: string): string {
  return queueName.replace(/\.fifo$/, '');
}

function toMessage(row: StoredMessage): Message {
  const { body, messageAttributes, sentTimestamp }: SqsMessage = JSON.parse(row.message);
  const attributes = Object.entries(messageAttributes).map(([name, { DataType, StringValue }]) => [
    name,
    { DataType, StringValue },
  ]);
  return {
    MessageId: row.message_id,
    Body: body,
    MessageAttributes: Object.fromEntries(attributes),
    Attributes: { ApproximateReceiveCount: `${row.receive_count}`, SentTimestamp: `${sentTimestamp}` },
  };
}

function restore(queue: SqsQueue, row: StoredMessage): void {
  const message: SqsMessage = { ...JSON.parse(row.message), approximateReceiveCount: row.receive_count };
  if (row.first_received !== null) message.approximateFirstReceiveTimestamp = row.first_received;
  if (queue.isFifo()) {
    // A standard queue keeps no order: each of its messages is a group of its own.
    message.messageGroupId ??= message.messageId;
    message.sequenceNumber ??= queue.nextSequenceNumber();
    queue.sequenceCounter = Math.max(queue.sequenceCounter, Number(message.sequenceNumber));
  }
  const { messageGroupId: group } = message;
  if (row.receipt_handle !== null && (row.hidden_until ?? 0) > Date.now()) {
    const hidden = { message, receiptHandle: row.receipt_handle, visibilityDeadline: row.hidden_until as number };
    queue.inflightMessages.set(hidden.receiptHandle, hidden);
    if (queue.isFifo() && group) queue.fifoLockedGroups.set(group, (queue.fifoLockedGroups.get(group) ?? 0) + 1);
  } else if (queue.isFifo() && group) {
    queue.fifoMessages.set(group, queue.fifoMessages.get(group) ?? []);
    queue.fifoMessages.get(group)?.push(message);
  } else {
    // Not with the queue's own `enqueue`, here and above: it would store the message a second time.
    queue.messages.push(message);
  }
}

function describe(error: unknown, folder: string): string {
  const { errcode, message } = error as { errcode?: number; message: string };
  if (errcode === SQLITE_BUSY) return `Another npm start of this project is running: its events are in ${folder}.`;
  return `The queue kept in ${folder} cannot be read (${message}). Move the folder away to start with an empty queue.`;
}
