import { expect, it } from 'vitest';
import { applyCardResponse } from '../../../lib/local/inspector/card-response.ts';
import { MockPlatform } from '../../../lib/mock-platform/mock-platform.ts';
import { CHAT } from '../../../lib/samples/sample-values.ts';

const OLD = { elements: [{ tag: 'hr' }] };
const NEW = { schema: '2.0', body: { elements: [{ tag: 'markdown', content: 'Done' }] } };

function respond(
  response: string | object,
  shown: object = OLD,
  fields: { status?: number; milliseconds?: number } = {},
) {
  const platform = new MockPlatform();
  const { messageId } = platform.state.addMessage({
    chatId: CHAT,
    senderId: platform.state.bot.openId,
    senderType: 'app',
    messageType: 'interactive',
    content: JSON.stringify(shown),
  });
  const body = typeof response === 'string' ? response : JSON.stringify(response);
  const result = applyCardResponse({ status: 200, milliseconds: 1, ...fields, body }, messageId, platform);
  return { result, card: JSON.parse(platform.state.message(messageId).content) };
}

it('A response to a card’s callback replaces the card and shows a toast', () => {
  const toast = { type: 'success', content: 'Done' };
  expect(respond({ toast, card: { type: 'raw', data: NEW } })).toEqual({ result: { status: 200, toast }, card: NEW });
  expect(respond({ toast: { content: 'Done' } }).result.toast).toEqual({ type: 'info', content: 'Done' });
  expect(respond({})).toEqual({ result: { status: 200 }, card: OLD });
});

it.each<[string, string | object, number, object?, object?]>([
  ['late', {}, 200341, OLD, { milliseconds: 3001 }],
  ['of another status', {}, 200671, OLD, { status: 503 }],
  ['that is not JSON', 'OK', 200672],
  ['with a card that is not an object', { card: 'x' }, 200673],
  ['with a card without elements', { card: { type: 'raw', data: {} } }, 200673],
  ['with a template', { card: { type: 'template', data: { template_id: 'x' } } }, 200673],
  ['that replaces JSON 2.0 by 1.0', { card: { type: 'raw', data: OLD } }, 200830, NEW],
])('A response %s shows the platform’s error and keeps the card', (_, response, code, shown = OLD, fields = {}) => {
  const { result, card } = respond(response, shown, fields);
  expect(result.toast).toEqual({ type: 'error', content: expect.stringMatching(`^${code}: `) });
  expect(card).toEqual(shown);
});
