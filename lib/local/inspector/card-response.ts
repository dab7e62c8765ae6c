import { isObject, tryParseJsonObject } from '../../feishu/envelope.ts';
import { requireCard } from '../../mock-platform/message-content.ts';
import type { MockPlatform } from '../../mock-platform/mock-platform.ts';
import type { ChatActionResult, SendResult } from './wire.ts';

/** The platform's time limit for the response to a callback. */
const TIME_LIMIT_MILLISECONDS = 3000;

/**
 * Does what the platform does with the response to a card's callback: shows its toast, and replaces the card.
 *
 * @returns the toast, which is an error with the platform's code if the response is not valid
 * @see https://open.feishu.cn/document/feishu-cards/card-callback-communication
 */
export function applyCardResponse(
  { status, body, milliseconds }: SendResult,
  messageId: string,
  { state }: MockPlatform,
): ChatActionResult {
  const error = (code: number, reason: string): ChatActionResult => ({
    status,
    toast: { type: 'error', content: `${code}: ${reason}` },
  });
  if (milliseconds > TIME_LIMIT_MILLISECONDS) return error(200341, 'The response took longer than 3 s.');
  if (status !== 200) return error(200671, `The status of the response is ${status}, not 200.`);
  const response = tryParseJsonObject(body);
  if (response === undefined) return error(200672, 'The response is not a JSON object.');
  const { toast, card } = response;
  if (card !== undefined) {
    if (!isObject(card) || !isObject(card.data)) return error(200673, 'The card in the response is not valid.');
    if (card.type === 'template')
      return error(200673, 'The chat cannot show templates: their cards are on the platform.');
    try {
      requireCard(card.data);
    } catch (cause) {
      return error(200673, (cause as Error).message);
    }
    const { content, card: entity } = state.message(messageId);
    const isVersion2 = (entity ?? tryParseJsonObject(content) ?? {}) as { schema?: unknown };
    if (isVersion2.schema === '2.0' && card.data.schema !== '2.0') {
      return error(200830, 'A card of JSON 2.0 cannot be replaced by one of JSON 1.0.');
    }
    state.changeMessage(messageId, {
      content: JSON.stringify(card.data),
      ...(entity !== undefined && { card: card.data }),
      updatedAt: state.now(),
    });
  }
  if (!isObject(toast)) return { status };
  return { status, toast: { type: String(toast.type ?? 'info'), content: String(toast.content ?? '') } };
}
