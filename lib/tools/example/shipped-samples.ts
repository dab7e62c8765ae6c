import { createHash } from 'node:crypto';

/** The SHA-256 of each handler and test in `functions/handlers` and `test/handlers` that an example may replace. */
const SHIPPED: ReadonlySet<string> = new Set([
  // callbacks/card.action.trigger
  '62513519f3f5afcb48b503cdec4253f49bdc198e6e2c843283fcd264b44033f3',
  'fc7d0f6a2addc2ed91a1c3dcf7f4a5efb1192b805270b7958b7a955f62247864',
  // v2/im.message.receive_v1
  'b191e06cf1895797cd1e9e588477ccbdc2fd064ac07822d4d53838f89749a29c',
  '027d5afc5c3ab7450b76bc9b6360b1465341d4a3be26783d383a4ddca055b3a3',
]);

/** Returns whether a file has the text that the template ships, so that replacing it loses nothing of the user's. */
export function isShippedSample(text: string): boolean {
  // Git may have converted the line ends.
  return SHIPPED.has(createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex'));
}
