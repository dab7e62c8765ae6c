import type { EventEnvelope } from '../feishu/envelope.ts';
import type { EventHandler } from '../handler.ts';

/** The type of the event that `serverless doctor stack` sends end to end. The platform has no such type. */
export const SELF_TEST_TYPE = 'feishu_events.doctor_v1';

/** Does nothing: the doctor checks the event's idempotency record. */
const SELF_TEST_HANDLER: EventHandler = { kind: 'v2', type: SELF_TEST_TYPE, handle: () => {} };

/** Returns the handler of the doctor's event, which is hidden from user handlers; `undefined` for other events. */
export function findSelfTestHandler({ header }: EventEnvelope): EventHandler | undefined {
  return header.type === SELF_TEST_TYPE ? SELF_TEST_HANDLER : undefined;
}
