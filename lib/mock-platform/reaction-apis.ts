import type { Client } from '@larksuiteoapi/node-sdk';
import { isObject } from '../feishu/envelope.ts';
import { uniqueId } from '../samples/sample-values.ts';
import { type Api, type ApiContext, api, pageOf, textOf } from './api.ts';
import { PlatformError } from './errors.ts';
import type { Pin, PlatformState, Reaction } from './platform-state.ts';

type ReactionApis = Client['im']['messageReaction'];
type PinApis = Client['im']['pin'];

/**
 * The APIs of reactions and pins.
 *
 * @see https://open.feishu.cn/document/server-docs/im-v1/message-reaction/create
 * @see https://open.feishu.cn/document/server-docs/im-v1/pin/create
 */
export const REACTION_APIS: Api[] = [
  api<ReactionApis['create']>('POST /open-apis/im/v1/messages/:message_id/reactions', ({ path, body }, { state }) => {
    const { messageId } = state.message(path.message_id ?? '');
    const emoji = textOf(isObject(body.reaction_type) ? body.reaction_type : {}, 'emoji_type');
    if (emoji === '') throw new PlatformError(231001, 'reaction type is invalid');
    const others = state.reactions.get(messageId) ?? [];
    // The bot has each reaction only once.
    const known = others.find((reaction) => reaction.emoji === emoji && reaction.operatorId === state.bot.openId);
    if (known !== undefined) return describeReaction(known, state);
    const reaction = { id: uniqueId(), emoji, operatorId: state.bot.openId, at: state.now() };
    setReactions(messageId, [...others, reaction], state);
    return describeReaction(reaction, state);
  }),

  api<ReactionApis['list']>('GET /open-apis/im/v1/messages/:message_id/reactions', ({ path, query }, { state }) => {
    const { messageId } = state.message(path.message_id ?? '');
    const type = query.get('reaction_type');
    const reactions = (state.reactions.get(messageId) ?? []).filter(({ emoji }) => type === null || emoji === type);
    const { items, ...page } = pageOf(reactions, query);
    return { items: items.map((reaction) => describeReaction(reaction, state)), ...page };
  }),

  api<ReactionApis['delete']>(
    'DELETE /open-apis/im/v1/messages/:message_id/reactions/:reaction_id',
    ({ path }, { state }) => {
      const { messageId } = state.message(path.message_id ?? '');
      const reactions = state.reactions.get(messageId) ?? [];
      const removed = reactions.find(({ id }) => id === path.reaction_id);
      if (removed === undefined) throw new PlatformError(231010, 'The reaction does not exist.');
      setReactions(
        messageId,
        reactions.filter((reaction) => reaction !== removed),
        state,
      );
      return describeReaction(removed, state);
    },
  ),

  api<PinApis['create']>('POST /open-apis/im/v1/pins', ({ body }, { state }) => {
    const { messageId } = state.message(textOf(body, 'message_id'));
    const pin = state.pins.get(messageId) ?? { messageId, at: state.now() };
    state.pins.set(messageId, pin);
    return { pin: describePin(pin, { state }) };
  }),

  api<PinApis['delete']>('DELETE /open-apis/im/v1/pins/:message_id', ({ path }, { state }) => {
    state.pins.delete(state.message(path.message_id ?? '').messageId);
    return {};
  }),

  api<PinApis['list']>('GET /open-apis/im/v1/pins', ({ query }, { state }) => {
    const chat = state.chat(query.get('chat_id') ?? '');
    const pins = [...state.pins.values()].filter(({ messageId }) => state.message(messageId).chatId === chat.chatId);
    const { items, ...page } = pageOf(pins, query);
    return { items: items.map((pin) => describePin(pin, { state })), ...page };
  }),
];

function setReactions(messageId: string, reactions: Reaction[], state: PlatformState): void {
  state.reactions.set(messageId, reactions);
  state.changeMessage(messageId, { reactions: [...new Set(reactions.map(({ emoji }) => emoji))] });
}

function describeReaction({ id, emoji, operatorId, at }: Reaction, { bot }: PlatformState) {
  const operator_type = operatorId === bot.openId ? ('app' as const) : ('user' as const);
  return {
    reaction_id: id,
    operator: { operator_id: operator_type === 'app' ? 'cli_local' : operatorId, operator_type },
    action_time: `${at}`,
    reaction_type: { emoji_type: emoji },
  };
}

function describePin({ messageId, at }: Pin, { state }: Pick<ApiContext, 'state'>) {
  return {
    message_id: messageId,
    chat_id: state.message(messageId).chatId,
    operator_id: 'cli_local',
    operator_id_type: 'app_id',
    create_time: `${at}`,
  };
}
