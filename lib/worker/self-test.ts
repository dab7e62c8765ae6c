import type { EventEnvelope } from '../feishu/envelope.ts';
import type { EventHandler } from '../handler.ts';

/** The type of the event that `serverless doctor stack` sends through the whole way. The platform has none of this name. */
export const SELF_TEST_TYPE = 'feishu_events.doctor_v1';

/** Does nothing: that the event got here is what the doctor wants to know, and its claim tells it. */
const SELF_TEST_HANDLER: EventHandler = { kind: 'v2', type: SELF_TEST_TYPE, handle: () => {} };

/** @returns the handler of the doctor's event, which no module of the user's gets to see; `undefined` for other events */
export function findSelfTestHandler({ header }: EventEnvelope): EventHandler | undefined {
  return header.type === SELF_TEST_TYPE ? SELF_TEST_HANDLER : undefined;
}
