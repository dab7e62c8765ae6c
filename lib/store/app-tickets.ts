import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { asText, type EventEnvelope } from '../feishu/envelope.ts';
import { MalformedMessage } from '../queue/malformed-message.ts';
import { conditionFailure, expirationAfter, itemId } from './table-items.ts';

/**
 * Stores the ticket that the platform sends to a store app every hour, in the event `app_ticket`. A store app needs it
 * to get tokens. All instances of the worker share the stored ticket.
 *
 * @see https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/application-v6/event/app_ticket-events
 */
export interface AppTickets {
  /**
   * Stores the ticket of an `app_ticket` event, unless a ticket that was sent later is stored.
   *
   * @param receivedAt used as the send time if the event has none or a later one
   * @returns whether the event is an `app_ticket` event
   * @throws {MalformedMessage} if it contains no ticket
   * @throws DynamoDB's errors
   */
  store(envelope: EventEnvelope, receivedAt: Date): Promise<boolean>;
  /**
   * Returns the app's ticket from a cache of one minute.
   *
   * @returns `undefined` if the platform sent none in the last 12 hours
   * @throws DynamoDB's errors
   */
  find(appId: string): Promise<string | undefined>;
  /** Drops the cached ticket after the platform rejected it, so that {@link find} reads the table. */
  invalidate(appId: string): void;
}

const EVENT_TYPE = 'app_ticket';
/** The platform documents no lifetime of a ticket. Its Go SDK caches one for this long. */
const VALID_SECONDS = 12 * 60 * 60;
const CACHED_MILLISECONDS = 60 * 1000;

/** @param tableName the table that `CLAIMS_TABLE` names */
export function createAppTickets(client: DynamoDBClient, tableName: string): AppTickets {
  const keyOf = (appId: string) => ({ id: { S: itemId('app-ticket', appId) } });
  const cache = new Map<string, { ticket: string; until: number }>();

  return {
    async store({ header, event }, receivedAt) {
      if (header.version !== '1.0' || header.type !== EVENT_TYPE) return false;
      const ticket = asText(event.app_ticket);
      if (header.app === undefined || ticket === undefined)
        throw new MalformedMessage('The app_ticket event has no ticket');
      const sentAt = Math.min(header.created?.getTime() ?? Number.POSITIVE_INFINITY, receivedAt.getTime());
      const command = new PutItemCommand({
        TableName: tableName,
        Item: {
          ...keyOf(header.app),
          ticket: { S: ticket },
          sentAt: { N: `${sentAt}` },
          expiration: expirationAfter(VALID_SECONDS, sentAt),
        },
        ConditionExpression: 'attribute_not_exists(id) OR sentAt < :sentAt',
        ExpressionAttributeValues: { ':sentAt': { N: `${sentAt}` } },
      });
      const isStored = (await conditionFailure(client.send(command))) === undefined;
      if (isStored) cache.delete(header.app);
      return true;
    },

    async find(appId) {
      const cached = cache.get(appId);
      if (cached !== undefined && Date.now() < cached.until) return cached.ticket;
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: keyOf(appId), ConsistentRead: true }),
      );
      // DynamoDB may delete an item days after it has expired.
      if (!Item?.ticket?.S || Number(Item.expiration?.N) * 1000 <= Date.now()) return undefined;
      cache.set(appId, { ticket: Item.ticket.S, until: Date.now() + CACHED_MILLISECONDS });
      return Item.ticket.S;
    },

    invalidate(appId) {
      cache.delete(appId);
    },
  };
}
