/** The platform waits for 3 s, including the time on the network. */
const ACKNOWLEDGE_WITHIN_MILLISECONDS = 2500;
/** Reserved for writing the response, even on a busy CPU. */
const RESPOND_MILLISECONDS = 200;

/** The time limit, from an event's arrival, for storing it in the queue and running the handler of a callback. */
export const RESPONSE_TIME_LIMIT_MILLISECONDS = ACKNOWLEDGE_WITHIN_MILLISECONDS - RESPOND_MILLISECONDS;
