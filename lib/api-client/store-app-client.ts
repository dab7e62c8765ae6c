import type { Cache, Client } from '@larksuiteoapi/node-sdk';
import { errorFields } from '../observability/error-fields.ts';
import { responseData } from '../observability/response-data.ts';
import type { AppTickets } from '../store/app-tickets.ts';
import type { Sdk } from './load-sdk.ts';

type FormatPayload = Client['formatPayload'];

export interface StoreAccess {
  tickets: AppTickets;
  /** The key of the event's tenant. */
  tenant: string | undefined;
}

/** A store app has no ticket yet. The platform was asked to send one, so a retry can succeed. */
class AppTicketMissing extends Error {
  override readonly name = 'AppTicketMissing';
}

/** The platform's error code for an invalid ticket. */
const TICKET_REJECTED = 10012;

/**
 * Creates the official SDK's client for a store app. It calls the API for the event's tenant, with tokens that it gets
 * for the stored ticket.
 *
 * @param access its `tenant` is the default tenant of API calls
 */
export function createStoreAppClient(
  sdk: Sdk,
  options: ConstructorParameters<Sdk['Client']>[0],
  { tickets, tenant }: StoreAccess,
): Client {
  // The SDK's constructor reads the ticket too. Without one it would send an unawaited request for it, and an error
  // from the cache would end the process. So it gets this placeholder.
  let ticket: string | undefined = 'not read yet';
  const tokens = sdk.internalCache;
  const cache: Cache = {
    get: async (key, where) => (key === sdk.CAppTicket ? ticket : tokens.get(key, where)),
    set: (key, value, expiresAt, where) => tokens.set(key, value, expiresAt, where),
  };

  class StoreAppClient extends sdk.Client {
    /** Every API call of the SDK gets its token here. */
    override async formatPayload(...[payload, options]: Parameters<FormatPayload>): ReturnType<FormatPayload> {
      ticket = await tickets.find(this.appId);
      if (ticket === undefined) {
        await this.#requestTicket();
        throw new AppTicketMissing(
          'The platform has sent no app_ticket event in the last 12 hours. It has been asked for one.',
        );
      }
      const defaults = tenant === undefined ? {} : sdk.withTenantKey(tenant).lark;
      try {
        return await super.formatPayload(payload, { ...options, lark: { ...defaults, ...options?.lark } });
      } catch (error) {
        if (isTicketRejected(error)) {
          tickets.invalidate(this.appId);
          await this.#requestTicket();
        }
        throw error;
      }
    }

    /** @see https://open.feishu.cn/document/ukTMukTMukTM/ukDNz4SO0MjL5QzM/auth-v3/auth/app_ticket_resend */
    async #requestTicket(): Promise<void> {
      const url = `${this.domain}/open-apis/auth/v3/app_ticket/resend`;
      try {
        await this.httpInstance.post(url, { app_id: this.appId, app_secret: this.appSecret });
      } catch (error) {
        // Logged only: throwing it would hide why the ticket is needed.
        this.logger.warn(`The request for an app ticket failed: ${errorFields(error).error}`);
      }
    }
  }

  return new StoreAppClient({ ...options, appType: sdk.AppType.ISV, cache });
}

/** The SDK throws an error with the platform's code in its message, or the error of its HTTP client. */
function isTicketRejected(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return responseData(error).code === TICKET_REJECTED || error.message.includes(`code: ${TICKET_REJECTED},`);
}
