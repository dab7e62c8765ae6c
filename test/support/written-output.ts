import { SECRETS } from './secrets.ts';

// What the test under way has written, in this process and in those that it started. After each test it is searched for
// what no log may hold.

let written: string[] = [];
let isContentShown = false;

/** Keeps what was written; whole lines or parts of them. */
export function recordOutput(text: string): void {
  written.push(text);
}

/** The lines that were written since the test began. */
export function writtenLines(): string[] {
  return written
    .join('')
    .split('\n')
    .filter((line) => line !== '');
}

/**
 * Says that the test under way runs something whose purpose is to show events to a person. Secrets of an app and
 * signatures it may not show either.
 */
export function expectContentShown(): void {
  isContentShown = true;
}

export function forgetOutput(): void {
  written = [];
  isContentShown = false;
}

/** Lines whose purpose is to show what an event led to, to the person at the keyboard. */
const SHOWN_ON_PURPOSE = /^\s*([Ww]ould have sent: |(\d{3} )?in \d+ ms: )/;

/** What the platform's bodies hold and no line of ours does. Quotation marks may be escaped, once or more. */
const CONTENT = [
  /\\*"(schema|encrypt|challenge|sender|operator|token)\\*" ?:/,
  /\\*"(content|text)\\*" ?: ?\\*"/,
  /Hello|世界|a private matter/,
];
/** Of SHA-256 and SHA-1: `X-Lark-Signature`. */
const SIGNATURE = /\b([0-9a-f]{64}|[0-9a-f]{40})\b/;
const CREDENTIAL = /Bearer |Authorization|(tenant|app)_access_token/i;

/** @returns what of it no log may hold, with the line it stands in */
export function findLeaks(lines: readonly string[], options = { isContentShown: false }): string[] {
  return lines.flatMap((line) => {
    const leaks = [
      SECRETS.some((secret) => line.includes(secret)) && 'a secret',
      SIGNATURE.test(line) && 'a signature',
      CREDENTIAL.test(line) && 'a credential',
      !options.isContentShown &&
        !SHOWN_ON_PURPOSE.test(line) &&
        CONTENT.some((pattern) => pattern.test(line)) &&
        'the content of an event',
    ];
    return leaks.filter((leak) => leak !== false).map((leak) => `${leak}: ${line}`);
  });
}

/** @returns the leaks of the test under way */
export function leaksOfTest(): string[] {
  return findLeaks(writtenLines(), { isContentShown });
}
