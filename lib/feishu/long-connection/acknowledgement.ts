import type { Frame } from './frame.ts';
import { GZIP } from './payload-encoding.ts';

/** The result of receiving an event: 200 if it is queued, 500 if the platform must send it again. */
export type Outcome = { code: 200; response?: object | undefined } | { code: 500 };

/**
 * Creates the acknowledgement of an event: the same frame with a new, uncompressed payload and the processing time.
 *
 * @param frame the frame that completed the event
 * @param tookMs milliseconds since the event arrived
 */
export function acknowledge(frame: Frame, outcome: Outcome, tookMs: number): Frame {
  const { payloadEncoding, ...unlabeled } = frame;
  return {
    ...(payloadEncoding === GZIP ? unlabeled : frame),
    headers: [...frame.headers, { key: 'biz_rt', value: Math.round(tookMs).toString() }],
    payload: Buffer.from(JSON.stringify(toPayload(outcome))),
  };
}

function toPayload(outcome: Outcome): object {
  // Stryker disable next-line ConditionalExpression: only outcomes with code 200 have a response; the check is for the type
  if (outcome.code === 500 || outcome.response === undefined) return { code: outcome.code };
  return { code: 200, data: Buffer.from(JSON.stringify(outcome.response)).toString('base64') };
}
