import type { Frame } from './frame.ts';

/** What became of an event: it is in the queue, or it is not and has to be sent again. */
export type Outcome = { code: 200; answer?: object | undefined } | { code: 500 };

/**
 * Writes the acknowledgement of an event: the frame as it came, with another payload and the time it took.
 *
 * @param frame the one that completed the event
 * @param tookMs from its arrival
 */
export function acknowledge(frame: Frame, outcome: Outcome, tookMs: number): Frame {
  return {
    ...frame,
    headers: [...frame.headers, { key: 'biz_rt', value: Math.round(tookMs).toString() }],
    payload: Buffer.from(JSON.stringify(toReply(outcome))),
  };
}

function toReply(outcome: Outcome): object {
  if (outcome.code === 500 || outcome.answer === undefined) return { code: outcome.code };
  return { code: 200, data: Buffer.from(JSON.stringify(outcome.answer)).toString('base64') };
}
