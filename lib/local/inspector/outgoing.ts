import { putToken, signingSecretOf } from '../../cli/outgoing-event.ts';
import { post } from '../../cli/post.ts';
import { parseEnvelope } from '../../feishu/envelope.ts';
import { type WebhookSecrets, writeRequest } from '../../feishu/request.ts';
import type { SampleChoice, SendResult } from './wire.ts';

/** The samples are many, and nobody may ask for one: they are not loaded at the start. */
const loadSamples = () => import('../../samples/samples.ts');

export async function listSamples(): Promise<SampleChoice[]> {
  const { SAMPLE_TYPES } = await loadSamples();
  return SAMPLE_TYPES.map(({ type, variants }) => ({ type, variants }));
}

/**
 * @returns the JSON of a sample; of a type like none that is known, an event with an empty payload
 * @throws {TypeError} when there is no such variant, or when the type is another one mistyped
 */
export async function writeSample(type: string, variant: string | undefined): Promise<string> {
  const { createSample, SAMPLE_TYPES, versionOf } = await loadSamples();
  if (!SAMPLE_TYPES.some((known) => known.type === type)) {
    const { suggestEventTypes } = await import('../../samples/event-type.ts');
    const [suggestion] = suggestEventTypes(type);
    if (suggestion !== undefined) throw new TypeError(`There is no event type "${type}". Did you mean ${suggestion}?`);
  }
  const version = versionOf(type);
  return createSample(type, { version, token: undefined, ...(variant !== undefined && { variant }) });
}

/**
 * Posts an event as the platform does: encrypted, signed, and with the Verification Token.
 *
 * @throws {FeishuError} when the text is no event
 */
export async function sendEvent(text: string, secrets: WebhookSecrets, webhookUrl: string): Promise<SendResult> {
  parseEnvelope(text);
  const outgoing = putToken(text, secrets);
  return post(webhookUrl, writeRequest(outgoing, signingSecretOf(outgoing, secrets), Date.now()));
}
