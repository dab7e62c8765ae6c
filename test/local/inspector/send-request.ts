import { once } from 'node:events';
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { text as readText } from 'node:stream/consumers';

interface ReceivedResponse {
  status: number | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

/** Sends a request with any headers: `fetch` does not allow setting those that browsers set. */
export async function sendRequest(
  url: URL,
  headers: OutgoingHttpHeaders = {},
  body?: string,
): Promise<ReceivedResponse> {
  const outgoing = request(url, { method: body === undefined ? 'GET' : 'POST', headers, agent: false });
  outgoing.end(body);
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await readText(response) };
}
