/** The time limits of a long connection. */
export interface Timing {
  discoverWithinMs: number;
  handshakeWithinMs: number;
  pongWithinMs: number;
  acknowledgeWithinMs: number;
  closeWithinMs: number;
  firstRetryWithinMs: number;
}

export const TIMING: Timing = {
  discoverWithinMs: 15_000,
  handshakeWithinMs: 15_000,
  /** If a ping is not answered within this time, the connection is dead, even if TCP reports it as open. */
  pongWithinMs: 15_000,
  /** The platform waits 3 s, and this project promises 2.5 s. The rest is for late timers and for sending. */
  acknowledgeWithinMs: 2_300,
  /** For the platform's response to a close frame. */
  closeWithinMs: 2_000,
  firstRetryWithinMs: 1_000,
};
