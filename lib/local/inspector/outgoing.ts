import { putToken, signingSecretOf } from '../../cli/outgoing-event.ts';
import { post } from '../../cli/post.ts';
import { parseEnvelope } from '../../feishu/envelope.ts';
import { type WebhookSecrets, writeRequest } from '../../feishu/request.ts';
import type { SampleChoice, SendResult } from './wire.ts';

/** Loads the samples on demand: there are many, and a session may need none. */
const loadSamples = () => import('../../samples/samples.ts');

export async function listSamples(): Promise<SampleChoice[]> {
  const { SAMPLE_TYPES } = await loadSamples();
  return SAMPLE_TYPES.map(({ type, variants }) => ({ type, variants }));
}

/**
 * Returns the JSON of a sample. For an unknown type, the payload is empty.
 *
 * @throws {TypeError} if the variant does not exist, or the type looks like a misspelling of a known one
 */
export async function writeSample(type: string, variant: string | undefined): Promise<string> {
  const { createSample, SAMPLE_TYPES, versionOf } = await loadSamples();
  if (!SAMPLE_TYPES.some((known) => known.type === type)) {
    const { suggestEventTypes } = await import('../../samples/suggest-event-types.ts');
    const [suggestion] = suggestEventTypes(type);
    if (suggestion !== undefined) throw new TypeError(`Unknown event type "${type}". Did you mean ${suggestion}?`);
  }
  const version = versionOf(type);
  return createSample(type, { version, token: undefined, ...(variant !== undefined && { variant }) });
}

/**
 * Posts an event to the webhook as the platform does: encrypted, signed, and with the Verification Token.
 *
 * @throws {FeishuError} if the text is not an event
 */
export async function sendEvent(text: string, secrets: WebhookSecrets, webhookUrl: string): Promise<SendResult> {
  parseEnvelope(text);
  const outgoing = putToken(text, secrets);
  return post(webhookUrl, writeRequest(outgoing, signingSecretOf(outgoing, secrets), Date.now()));
}
