import { randomBytes } from 'node:crypto';
import { exchange, networkReason, type PostResult } from '../../cli/post.ts';
import { tryParseJsonObject } from '../../feishu/envelope.ts';
import { type SigningSecret, type WebhookRequest, type WebhookSecrets, writeRequest } from '../../feishu/request.ts';
import { ResponseTooLargeError } from '../../feishu/response-text.ts';
import { type Finding, ok, problem } from './finding.ts';

/** The deployed webhook, and the secrets to sign requests to it. */
export interface DeployedWebhook {
  url: string;
  secrets: WebhookSecrets;
}

/** The platform's time limit. */
const URL_VERIFICATION_WITHIN_MILLISECONDS = 1000;
const RESPONSE_WITHIN_MILLISECONDS = 15_000;

const ANOTHER_PROGRAM = 'Does another program respond at this URL? Deploy again: npx serverless deploy.';

/** Thrown if the webhook's response shows a problem. */
export class UnexpectedResponse extends Error {
  readonly finding: Finding;

  constructor(text: string, advice: string) {
    super(text);
    this.finding = problem(text, advice);
  }
}

/** Sends a URL verification, and a second one if the first exceeded the time limit because of a cold start. */
export async function checkUrlVerification(webhook: DeployedWebhook): Promise<Finding> {
  const first = await postUrlVerification(webhook);
  if (first.milliseconds <= URL_VERIFICATION_WITHIN_MILLISECONDS) return succeededIn(first);
  const second = await postUrlVerification(webhook);
  if (second.milliseconds <= URL_VERIFICATION_WITHIN_MILLISECONDS) return succeededIn(second, first);
  return problem(
    `URL verification took ${seconds(second)}, but the platform waits only 1 s.`,
    'If this machine is not far from the region, increase the memory of the webhook function. Saving the URL may still work.',
  );
}

/** Sends an event with a wrong signature, or a wrong token if there is no Encrypt Key. The webhook must reject it. */
export async function checkForgery({ url, secrets }: DeployedWebhook, text: string): Promise<Finding> {
  const { status } = await postTo(url, forge(text, secrets));
  if (status === 401) return ok('The webhook rejects a forged event');
  return problem(
    `The webhook responded to a forged event with ${status} instead of 401.`,
    'Another program may respond at this URL, or an old version is deployed. Deploy again: npx serverless deploy.',
  );
}

/** Returns what the platform would sign with. */
export function signingSecretOf({ encryptKeys: [encryptKey] }: WebhookSecrets): SigningSecret {
  return encryptKey === undefined ? undefined : { encryptKey };
}

/**
 * Posts a request as the platform does, which follows no redirects.
 *
 * @throws {UnexpectedResponse} if there is no response, or one that is too large to be the webhook's
 */
export async function postTo(url: string, request: WebhookRequest): Promise<PostResult> {
  try {
    return await exchange(url, request, RESPONSE_WITHIN_MILLISECONDS);
  } catch (error) {
    if (error instanceof ResponseTooLargeError) {
      throw new UnexpectedResponse(`The response is not from the webhook: ${error.message}.`, ANOTHER_PROGRAM);
    }
    throw new UnexpectedResponse(
      `The webhook does not respond (${networkReason(error, url)}).`,
      'Is this machine online? If the HTTP API was deleted or changed manually, deploy again: npx serverless deploy.',
    );
  }
}

/**
 * @param url the webhook's
 * @param what the request, for the error's text
 * @throws {UnexpectedResponse} if the status is not 200, with the webhook's error code and message
 */
export function requireSuccess({ status, body }: PostResult, url: string, what: string): void {
  if (status === 200) return;
  const { code, msg } = readErrorBody(body);
  if (code === undefined && status === 403 && isInChina(url)) {
    throw new UnexpectedResponse(
      `API Gateway rejected ${what} with 403, because the AWS account has no ICP filing.`,
      'In China, API Gateway accepts requests without AWS credentials only for accounts with one. See docs/china.md#icp-filing.',
    );
  }
  if (code === undefined) {
    throw new UnexpectedResponse(
      `The response to ${what} (status ${status}) is not from the webhook.`,
      status === 404
        ? 'The HTTP API has no route POST /feishu/events. Deploy again: npx serverless deploy.'
        : 'The function failed before it responded. See npx serverless logs -f webhook.',
    );
  }
  const isOutdated = status === 400 || status === 401;
  throw new UnexpectedResponse(
    `The webhook responded to ${what} with ${status} ${code}: ${msg}`,
    isOutdated
      ? 'The function uses different secrets from those stored now. Deploy again: npx serverless deploy.'
      : `See docs/error-codes.md#${code.toLowerCase()} and npx serverless logs -f webhook.`,
  );
}

async function postUrlVerification({ url, secrets }: DeployedWebhook): Promise<PostResult> {
  const challenge = randomBytes(16).toString('hex');
  const text = JSON.stringify({ challenge, token: secrets.verificationTokens[0] ?? '', type: 'url_verification' });
  const { headers, body } = writeRequest(text, signingSecretOf(secrets), Date.now());
  // The platform does not sign URL verifications.
  const response = await postTo(url, { headers: { 'content-type': headers['content-type'] }, body });
  requireSuccess(response, url, 'a URL verification');
  if (response.body === JSON.stringify({ challenge })) return response;
  throw new UnexpectedResponse('The response to a URL verification does not repeat its challenge.', ANOTHER_PROGRAM);
}

function forge(text: string, { encryptKeys: [encryptKey], verificationTokens: [token = ''] }: WebhookSecrets) {
  const wrongToken = randomBytes(16).toString('hex');
  const request = writeRequest(text, encryptKey === undefined ? undefined : { encryptKey }, Date.now());
  if (encryptKey === undefined) return { ...request, body: Buffer.from(text.replaceAll(token, wrongToken)) };
  // A SHA-256 signature has 64 hexadecimal digits.
  return { ...request, headers: { ...request.headers, 'x-lark-signature': wrongToken + wrongToken } };
}

/** @see https://docs.amazonaws.cn/en_us/aws/latest/userguide/api-gateway.html */
function isInChina(url: string): boolean {
  return new URL(url).hostname.endsWith('.amazonaws.com.cn');
}

function readErrorBody(body: string): { code?: string; msg?: unknown } {
  const { code, msg } = tryParseJsonObject(body) ?? {};
  return typeof code === 'string' && code.startsWith('FEISHU_') ? { code, msg } : {};
}

function succeededIn(response: PostResult, coldStart?: PostResult): Finding {
  const details = coldStart === undefined ? '' : ` (${seconds(coldStart)} with a cold start)`;
  return ok(`URL verification succeeded in ${seconds(response)}${details}`);
}

function seconds({ milliseconds }: PostResult): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}
