/** How long things may take. Tests pass shorter ones. */
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
  /** After this without an answer to a ping the connection is dead, whatever TCP believes. */
  pongWithinMs: 15_000,
  /** The platform gives up after 3 s, and 2.5 s is promised: the rest is for a late timer and the way out. */
  acknowledgeWithinMs: 2_300,
  /** For the platform's answer to a closing frame. */
  closeWithinMs: 2_000,
  firstRetryWithinMs: 1_000,
};
