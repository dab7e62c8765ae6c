import {
  ConditionalCheckFailedException,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { asText, type EventEnvelope } from '../feishu/envelope.ts';
import { MalformedMessage } from '../queue/malformed-message.ts';

/**
 * Keeps the ticket that the platform sends a store app every hour, in the event `app_ticket`. Without one a store app
 * gets no token. It is an item beside the claims, so that it serves every instance of the worker.
 *
 * @see https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/application-v6/event/app_ticket-events
 */
export interface AppTickets {
  /**
   * Keeps the ticket that an event brings, unless one that was sent later is kept.
   *
   * @param receivedAt stands for the time it was sent, where the event does not tell it or tells a later one
   * @returns whether it is an event that brings a ticket
   * @throws {MalformedMessage} when there is no ticket in it; DynamoDB's errors when it could not be kept
   */
  keep(envelope: EventEnvelope, receivedAt: Date): Promise<boolean>;
  /**
   * @returns the app's ticket, as it was a minute ago at the most; `undefined` when none came in the last 12 hours
   * @throws DynamoDB's errors
   */
  find(appId: string): Promise<string | undefined>;
  /** Has {@link find} look into the table again: the platform does not take the ticket it gave. */
  forget(appId: string): void;
}

const EVENT_TYPE = 'app_ticket';
/** The platform documents no end of a ticket's life. Its SDK for Go keeps one for as long. */
const VALID_MILLISECONDS = 12 * 60 * 60 * 1000;
const REMEMBERED_MILLISECONDS = 60 * 1000;

/** @param tableName the claims table */
export function createAppTickets(client: DynamoDBClient, tableName: string): AppTickets {
  const keyOf = (appId: string) => ({ id: { S: `app-ticket#${appId}` } });
  const remembered = new Map<string, { ticket: string; until: number }>();

  return {
    async keep({ header, event }, receivedAt) {
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
          expiration: { N: `${Math.floor((sentAt + VALID_MILLISECONDS) / 1000)}` },
        },
        ConditionExpression: 'attribute_not_exists(id) OR sentAt < :sentAt',
        ExpressionAttributeValues: { ':sentAt': { N: `${sentAt}` } },
      });
      try {
        await client.send(command);
        remembered.delete(header.app);
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
      return true;
    },

    async find(appId) {
      const known = remembered.get(appId);
      if (known !== undefined && Date.now() < known.until) return known.ticket;
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: keyOf(appId), ConsistentRead: true }),
      );
      // DynamoDB deletes an item up to days after it has expired.
      if (!Item?.ticket?.S || Number(Item.expiration?.N) * 1000 <= Date.now()) return undefined;
      remembered.set(appId, { ticket: Item.ticket.S, until: Date.now() + REMEMBERED_MILLISECONDS });
      return Item.ticket.S;
    },

    forget(appId) {
      remembered.delete(appId);
    },
  };
}
