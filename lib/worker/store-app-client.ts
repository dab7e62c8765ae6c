import type { Cache, Client } from '@larksuiteoapi/node-sdk';
import { errorFields } from '../observability/error-fields.ts';
import { responseData } from '../observability/response-data.ts';
import type { AppTickets } from '../store/app-tickets.ts';

type Sdk = typeof import('@larksuiteoapi/node-sdk');
type FormatPayload = Client['formatPayload'];

export interface StoreAccess {
  tickets: AppTickets;
  /** The key of the tenant that the event comes from. */
  tenant: string | undefined;
}

/** A call that a store app cannot make yet. The platform was asked for the ticket, so that a later attempt has it. */
class AppTicketMissing extends Error {
  override readonly name = 'AppTicketMissing';
}

/** What the platform answers to a ticket it does not take. */
const TICKET_REFUSED = 10012;

/**
 * Makes the official SDK's client of a store app. It acts for the tenant of the event, and gets its tokens for the
 * ticket that the worker keeps.
 *
 * @param access of the event that is handled: its `tenant` is the one that calls are made for
 */
export function createStoreAppClient(
  sdk: Sdk,
  options: ConstructorParameters<Sdk['Client']>[0],
  { tickets, tenant }: StoreAccess,
): Client {
  // The SDK's constructor looks for a ticket too. Finding none, it would ask for one in a request nobody waits for, and
  // what the looking throws would end the process: it finds this.
  let ticket: string | undefined = 'not looked for yet';
  const tokens = sdk.internalCache;
  const cache: Cache = {
    get: async (key, where) => (key === sdk.CAppTicket ? ticket : tokens.get(key, where)),
    set: (key, value, expiresAt, where) => tokens.set(key, value, expiresAt, where),
  };

  class StoreAppClient extends sdk.Client {
    /** Every call of the SDK comes through here for its token. */
    override async formatPayload(...[payload, options]: Parameters<FormatPayload>): ReturnType<FormatPayload> {
      ticket = await tickets.find(this.appId);
      if (ticket === undefined) {
        await this.#askForTicket();
        throw new AppTicketMissing(
          'The platform has sent no app_ticket event in the last 12 hours; it was asked for one',
        );
      }
      const defaults = tenant === undefined ? {} : sdk.withTenantKey(tenant).lark;
      try {
        return await super.formatPayload(payload, { ...options, lark: { ...defaults, ...options?.lark } });
      } catch (error) {
        if (isTicketRefused(error)) {
          tickets.forget(this.appId);
          await this.#askForTicket();
        }
        throw error;
      }
    }

    /** @see https://open.feishu.cn/document/ukTMukTMukTM/ukDNz4SO0MjL5QzM/auth-v3/auth/app_ticket_resend */
    async #askForTicket(): Promise<void> {
      const url = `${this.domain}/open-apis/auth/v3/app_ticket/resend`;
      try {
        await this.httpInstance.post(url, { app_id: this.appId, app_secret: this.appSecret });
      } catch (error) {
        // It would hide why the ticket is needed.
        this.logger.warn(`The platform could not be asked for an app ticket: ${errorFields(error).error}`);
      }
    }
  }

  return new StoreAppClient({ ...options, appType: sdk.AppType.ISV, cache });
}

/** The SDK throws the platform's answer as an error with its code in the message, or as its HTTP client's error. */
function isTicketRefused(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return responseData(error).code === TICKET_REFUSED || error.message.includes(`code: ${TICKET_REFUSED},`);
}
