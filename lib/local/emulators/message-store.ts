import { chmodSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Message } from '@aws-sdk/client-sqs';
import type { BuildAppOptions } from 'fauxqs';

export type SqsStore = NonNullable<BuildAppOptions['stores']>['sqsStore'];
type Persistence = NonNullable<SqsStore['persistence']>;
type SqsQueue = ReturnType<SqsStore['createQueue']>;
type SqsMessage = SqsQueue['messages'][number];

/** The methods that fauxqs calls when a queue changes. */
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
export interface StoredMessage {
  /** The queue's name, without `.fifo`. */
  queue: string;
  /** The message with its receive count so far. */
  message: Message;
}

interface MessageRow {
  message_id: string;
  queue: string;
  message: string;
  receive_count: number;
  first_received: number | null;
  receipt_handle: string | null;
  hidden_until: number | null;
}

/** A folder with another schema version is rejected. */
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
 * Stores the messages of fauxqs' queues in a file. It replaces the `PersistenceManager` of fauxqs 2.4, which fails when a
 * message's visibility timeout is set to 0, loses a message if the process is killed while it moves to the dead-letter
 * queue, syncs to disk for each message, and leaves messages hidden that were in flight in the previous process.
 *
 * A queue that is created again gets back its messages, even if its URL changed or it is FIFO now. Messages that were in
 * flight are visible immediately, because their consumer is gone. Messages that wait for a retry stay hidden until then.
 */
export class MessageStore implements QueuePersistence {
  readonly #database: DatabaseSync;
  readonly #restorable: Map<string, MessageRow[]>;
  readonly #statements: ReturnType<typeof prepare>;
  #nextCommit: Promise<void> | undefined;

  /**
   * @param folder created if missing; only this user can read it
   * @throws if another process uses it, or if it cannot be read; the message says what to do
   */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // `mkdirSync` does not change the mode of an existing folder.
    chmodSync(folder, 0o700);
    try {
      this.#database = openDatabase(path.join(folder, 'messages.sqlite'));
      const stored = this.#database.prepare('SELECT * FROM messages ORDER BY position').all();
      this.#restorable = Map.groupBy(stored as unknown as MessageRow[], ({ queue }) => queue);
      this.#statements = prepare(this.#database);
    } catch (cause) {
      throw new Error(describe(cause, folder), { cause });
    }
  }

  /** Stored messages whose queue has not been created yet, oldest first. */
  get restorable(): StoredMessage[] {
    return [...this.#restorable].flatMap(([queue, rows]) => rows.map((row) => ({ queue, message: toMessage(row) })));
  }

  /**
   * Commits all changes since the last commit, so that they survive the process. A move between queues is atomic. Wait
   * for it before responding to the request that made the changes. Concurrent requests share one commit.
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

  /** Attributes need no storage: they are passed each time a queue is created. */
  updateQueueAttributes(): void {}

  /** The counter needs no storage: it is derived from the messages. */
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
  // Only one process at a time: the lock is held until the process ends, even if it is killed.
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE; COMMIT');
  // Commits survive a crash of the process. A power failure may lose the latest ones.
  database.exec('PRAGMA synchronous = NORMAL');
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version === 0) database.exec(`BEGIN; ${SCHEMA} COMMIT`);
  else if (version !== SCHEMA_VERSION) throw new Error(`unsupported schema version ${version}`);
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
    // A new receipt handle means that the message was received; the same one, that its visibility timeout was changed.
    hide: database.prepare(`
      UPDATE messages SET
        hidden_until = CASE WHEN receipt_handle IS :receiptHandle THEN :visibilityDeadline END,
        receipt_handle = :receiptHandle, receive_count = :receiveCount, first_received = :firstReceived
      WHERE message_id = :messageId`),
  };
}

/** Ignores `.fifo`, so that a project can switch between standard and FIFO queues and keep its messages. */
function storedName(queueName: string): string {
  return queueName.replace(/\.fifo$/, '');
}

function toMessage(row: MessageRow): Message {
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

function restore(queue: SqsQueue, row: MessageRow): void {
  const message: SqsMessage = { ...JSON.parse(row.message), approximateReceiveCount: row.receive_count };
  if (row.first_received !== null) message.approximateFirstReceiveTimestamp = row.first_received;
  if (queue.isFifo()) {
    // Messages of a standard queue have no order: each becomes its own group.
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
    // Here and above, `queue.enqueue` would store the message a second time.
    queue.messages.push(message);
  }
}

function describe(error: unknown, folder: string): string {
  const { errcode, message } = error as { errcode?: number; message: string };
  if (errcode === SQLITE_BUSY) return `Another npm start of this project is running and uses ${folder}. Stop it first.`;
  return `Cannot read the queue in ${folder} (${message}). Move the folder away to start with an empty queue.`;
}
