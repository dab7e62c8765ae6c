import { isObject } from '../feishu/envelope.ts';
import { type Api, textOf } from './api.ts';
import { PlatformError } from './errors.ts';
import { requireCard } from './message-content.ts';

const MAXIMUM_TOKEN_USES = 2;

/** The APIs that the official SDK's client has no method for. Apps use its `request`. */
export const BOT_APIS: Api[] = [
  {
    // https://open.feishu.cn/document/client-docs/bot-v3/obtain-bot-info: `bot` instead of `data`.
    route: 'GET /open-apis/bot/v3/info',
    handle: (_, { state: { bot } }) => ({
      bot: { activate_status: 2, app_name: bot.name, avatar_url: '', ip_white_list: [], open_id: bot.openId },
    }),
    isWholeBody: true,
  },
  {
    // https://open.feishu.cn/document/server-docs/im-v1/message-card/delay-update-message-card
    route: 'POST /open-apis/interactive/v1/card/update',
    handle({ body }, { state }) {
      const token = state.cardTokens.get(textOf(body, 'token'));
      if (token === undefined || token.uses >= MAXIMUM_TOKEN_USES) throw new PlatformError(300030, 'invalid token');
      if (!isObject(body.card)) throw new PlatformError(300010, 'the card is missing');
      requireCard(body.card);
      token.uses += 1;
      state.changeMessage(token.messageId, { content: JSON.stringify(body.card), updatedAt: state.now() });
      return {};
    },
  },
];
