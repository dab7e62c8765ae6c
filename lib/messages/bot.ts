import { isObject } from '../feishu/envelope.ts';
import type { EventContext } from '../handler.ts';
import { callApi } from './api-error.ts';

type Feishu = EventContext['feishu'];

/** Requests by app and tenant, because the bot of an app never changes. */
const requests = new Map<string, Promise<string>>();

/**
 * Returns the `open_id` of the app's bot, which is requested once.
 *
 * @param tenant a store app has a bot in each tenant
 * @throws {FeishuApiError} if the platform rejects the request
 * @see https://open.feishu.cn/document/client-docs/bot-v3/obtain-bot-info
 */
export async function botOpenId(feishu: Feishu, tenant: string): Promise<string> {
  const key = `${feishu.appId} ${tenant}`;
  const known = requests.get(key);
  if (known !== undefined) return await known;
  const request = requestBotOpenId(feishu);
  requests.set(key, request);
  // A failed request is repeated the next time.
  request.catch(() => requests.delete(key));
  return await request;
}

async function requestBotOpenId(feishu: Feishu): Promise<string> {
  let bot: unknown;
  await callApi('GET /open-apis/bot/v3/info', async () => {
    const response = await feishu.request({ method: 'GET', url: '/open-apis/bot/v3/info' });
    // This response has `bot` instead of `data`.
    bot = response?.bot;
    return response;
  });
  if (isObject(bot) && typeof bot.open_id === 'string') return bot.open_id;
  throw new Error('The app has no bot. Add the bot capability in the developer console, and publish a version.');
}
