import { SECRETS } from './secrets.ts';

// Collects what the current test writes, in this process and in the processes it starts, and searches it for what no log
// may contain.

let written: string[] = [];
let isContentShown = false;

/** @param text whole lines or parts of them */
export function recordOutput(text: string): void {
  written.push(text);
}

/** Returns the lines written since the test began. */
export function writtenLines(): string[] {
  return written
    .join('')
    .split('\n')
    .filter((line) => line !== '');
}

/** Allows the current test to show the content of events, but neither secrets nor signatures. */
export function expectContentShown(): void {
  isContentShown = true;
}

export function forgetOutput(): void {
  written = [];
  isContentShown = false;
}

/** Lines that show the user what an event caused. */
const SHOWN_ON_PURPOSE = /^\s*([Ww]ould have sent: |(\d{3} )?in \d+ ms: )/;

/** Occurs in the platform's bodies and must not occur in a log. Quotation marks may be escaped, even repeatedly. */
const CONTENT = [
  /\\*"(schema|encrypt|challenge|sender|operator|token)\\*" ?:/,
  /\\*"(content|text)\\*" ?: ?\\*"/,
  /Hello|世界|a private matter/,
];
/** `X-Lark-Signature`: a SHA-256 or SHA-1 digest. */
const SIGNATURE = /\b([0-9a-f]{64}|[0-9a-f]{40})\b/;
/** There are event types such as `corehr.org_role_authorization.updated_v1`. */
const CREDENTIAL = /Bearer |(?<!_)Authorization|(tenant|app)_access_token/i;

/** Returns each leak with the line that contains it. */
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

/** Returns the leaks of the current test. */
export function leaksOfTest(): string[] {
  return findLeaks(writtenLines(), { isContentShown });
}
