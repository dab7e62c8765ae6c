import { gzipSync } from 'node:zlib';

/** What the page behind the link offers to add to the app. */
export interface Additions {
  events: readonly string[];
  callbacks: readonly string[];
  scopes: readonly string[];
}

/**
 * Completes the link at which a user confirms the registration of an app, as the official SDK's `registerApp` does. The
 * page silently drops names that the platform does not know, and ignores all of them where this feature is not released.
 *
 * @param link the platform's `verification_uri_complete`
 * @param appId the app to extend; otherwise the page creates one
 * @see https://github.com/larksuite/node-sdk#app-registration
 */
export function createConfirmationLink(link: URL, additions: Additions, appId?: string): URL {
  const complete = new URL(link);
  const { searchParams } = complete;
  searchParams.set('from', 'sdk');
  searchParams.set('source', 'node-sdk/feishu-events');
  searchParams.set('tp', 'sdk');
  const { events, callbacks, scopes } = additions;
  // The page ignores an empty list of additions.
  if (events.length + callbacks.length + scopes.length > 0) searchParams.set('addons', encode(additions));
  if (appId === undefined) searchParams.set('createOnly', 'true');
  else searchParams.set('clientID', appId);
  return complete;
}

/** JSON, compressed with gzip, in base64url without padding. */
function encode({ events, callbacks, scopes }: Additions): string {
  const json = JSON.stringify({
    ...(scopes.length > 0 && { scopes: { tenant: scopes } }),
    ...(events.length > 0 && { events: { items: { tenant: events } } }),
    ...(callbacks.length > 0 && { callbacks: { items: callbacks } }),
  });
  return gzipSync(json).toString('base64url');
}
