import { randomBytes } from 'node:crypto';
import { exchange, networkReason, type PostResult } from '../../cli/post.ts';
import { tryParseJsonObject } from '../../feishu/envelope.ts';
import { type SigningSecret, type WebhookRequest, type WebhookSecrets, writeRequest } from '../../feishu/request.ts';
import { ResponseTooLargeError } from '../../feishu/response-text.ts';
import { type Finding, ok, problem } from './finding.ts';

/** The deployed webhook, and the secrets to write to it as the platform would. */
export interface DeployedWebhook {
  url: string;
  secrets: WebhookSecrets;
}

/** The platform's limit. */
const CHALLENGE_WITHIN_MILLISECONDS = 1000;
const GIVE_UP_AFTER_MILLISECONDS = 15_000;

/** A problem with how the webhook answered. */
export class UnexpectedResponse extends Error {
  readonly finding: Finding;

  constructor(text: string, advice: string) {
    super(text);
    this.finding = problem(text, advice);
  }
}

/** Has the webhook answer a URL verification; a second one when only the first, of a cold function, was late. */
export async function checkChallenge(webhook: DeployedWebhook): Promise<Finding> {
  const first = await postChallenge(webhook);
  if (first.milliseconds <= CHALLENGE_WITHIN_MILLISECONDS) return answeredIn(first);
  const second = await postChallenge(webhook);
  if (second.milliseconds <= CHALLENGE_WITHIN_MILLISECONDS) return answeredIn(second, first);
  return problem(
    `The URL answers a challenge in ${seconds(second)}; the platform waits for 1 s.`,
    'Is this machine far from the region? Else give the webhook function more memory. Saving the URL may still work.',
  );
}

/** Sends an event that is signed with another key, or carries another token: it must be refused. */
export async function checkForgery({ url, secrets }: DeployedWebhook, text: string): Promise<Finding> {
  const { status } = await postTo(url, forge(text, secrets));
  if (status === 401) return ok('The URL refuses a forged event');
  return problem(
    `The URL answers ${status} to a forged event, not 401.`,
    'Does something else answer there, or is an old version deployed? Deploy again: npx serverless deploy.',
  );
}

/** @returns how the platform would vouch for its events */
export function signingSecretOf({ encryptKeys: [encryptKey] }: WebhookSecrets): SigningSecret {
  return encryptKey === undefined ? undefined : { encryptKey };
}

/** @throws {UnexpectedResponse} when nothing answers, or with a response that is too large for the webhook's */
export async function postTo(url: string, request: WebhookRequest): Promise<PostResult> {
  try {
    const signal = AbortSignal.timeout(GIVE_UP_AFTER_MILLISECONDS);
    return await exchange(url, request, { redirect: 'manual', signal });
  } catch (error) {
    if (error instanceof ResponseTooLargeError) {
      throw new UnexpectedResponse(
        `The URL does not answer as the webhook would: ${error.message}.`,
        'Does something else answer there? Deploy again: npx serverless deploy.',
      );
    }
    throw new UnexpectedResponse(
      `The URL does not answer (${networkReason(error)}).`,
      'Was the HTTP API deleted or changed by hand? Deploy again: npx serverless deploy. Is this machine online?',
    );
  }
}

/** @throws {UnexpectedResponse} when the status is not 200; what the webhook says of it is passed on */
export function requireSuccess({ status, body }: PostResult, what: string): void {
  if (status === 200) return;
  const { code, msg } = readRefusal(body);
  if (code === undefined) {
    throw new UnexpectedResponse(
      `The URL answers ${status} to ${what}, and not as the webhook would.`,
      status === 404
        ? 'The HTTP API lacks the route POST /feishu/events: deploy again (npx serverless deploy).'
        : 'The function failed before it could answer: npx serverless logs -f webhook.',
    );
  }
  const isOutdated = status === 400 || status === 401;
  throw new UnexpectedResponse(
    `The URL answers ${status} ${code} to ${what}: ${msg}`,
    isOutdated
      ? 'The function has other secrets than the secret now holds: deploy again (npx serverless deploy).'
      : `See docs/error-codes.md#${code.toLowerCase()} and npx serverless logs -f webhook.`,
  );
}

async function postChallenge({ url, secrets }: DeployedWebhook): Promise<PostResult> {
  const challenge = randomBytes(16).toString('hex');
  const text = JSON.stringify({ challenge, token: secrets.verificationTokens[0] ?? '', type: 'url_verification' });
  const { headers, body } = writeRequest(text, signingSecretOf(secrets), Date.now());
  // The platform does not sign this one.
  const answer = await postTo(url, { headers: { 'content-type': headers['content-type'] }, body });
  requireSuccess(answer, 'a challenge');
  if (answer.body === JSON.stringify({ challenge })) return answer;
  throw new UnexpectedResponse(
    'The URL answers a challenge with something else.',
    'Does something else answer there? Deploy again: npx serverless deploy.',
  );
}

function forge(text: string, { encryptKeys: [encryptKey], verificationTokens: [token = ''] }: WebhookSecrets) {
  const other = randomBytes(16).toString('hex');
  const request = writeRequest(text, encryptKey === undefined ? undefined : { encryptKey }, Date.now());
  if (encryptKey === undefined) return { ...request, body: Buffer.from(text.replaceAll(token, other)) };
  // All is right but the signature.
  return { ...request, headers: { ...request.headers, 'x-lark-signature': other + other } };
}

function readRefusal(body: string): { code?: string; msg?: unknown } {
  const { code, msg } = tryParseJsonObject(body) ?? {};
  return typeof code === 'string' && code.startsWith('FEISHU_') ? { code, msg } : {};
}

function answeredIn(answer: PostResult, cold?: PostResult): Finding {
  const note = cold === undefined ? '' : ` (the first, cold, took ${seconds(cold)})`;
  return ok(`The URL answers a challenge in ${seconds(answer)}${note}`);
}

function seconds({ milliseconds }: PostResult): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
