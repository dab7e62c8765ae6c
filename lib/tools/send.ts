import path from 'node:path';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { readLocalEnvironment } from '../cli/environment.ts';
import { readEventFile, renewIds, signingSecretOf } from '../cli/outgoing-event.ts';
import { post } from '../cli/post.ts';
import { readWebhookSecrets } from '../config.ts';
import { type WebhookSecrets, writeRequest } from '../feishu/request.ts';
import { createSample } from '../samples/samples.ts';
import { toEntry } from '../util/printable.ts';
import { WEBHOOK_PATH } from '../webhook/path.ts';
import { findEventType, formatEventTypes } from './event-type.ts';
import { adviceFor } from './response-advice.ts';

// npm run send: signs, encrypts and posts an event as the platform does.

const USAGE = `Usage: npm run send -- <event type> [options]
       npm run send -- --file <file> [options]
       npm run send -- --list [part of a type]

Signs, encrypts and posts a sample event, with the secrets from the environment or .env.

  <event type>     for example im.message.receive_v1, out_approval, card.action.trigger
  --as <variant>   the variant of the sample, for example image (default: the first that --list shows)
  --list           list event types and the variants of their samples
  --url <url>      the URL to post to (default: the local stack)
  --file <file>    send the event in a file: complete, decrypted JSON; the Verification Token is filled in
  --again          with --file: use new ids, so that an event that was already handled is handled again
  --v1             use the v1.0 envelope for any type
  --plain          do not sign or encrypt
  --help           show this help

Exits with 0 if the event was accepted, 1 if it was rejected, 2 if it could not be sent.`;

const UNKNOWN_TYPE_ADVICE =
  'To list all types: npm run send -- --list. To send an event of any other type: --file <file>.';

const { values, positionals } = readCommandLine(
  USAGE,
  {
    allowPositionals: true,
    options: {
      as: { type: 'string' },
      list: { type: 'boolean', default: false },
      url: { type: 'string' },
      file: { type: 'string' },
      again: { type: 'boolean', default: false },
      v1: { type: 'boolean', default: false },
      plain: { type: 'boolean', default: false },
    },
  },
  2,
);

try {
  process.exitCode = values.list ? list() : await send();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

function list(): number {
  const text = formatEventTypes(positionals.join(' '));
  console.log(text === '' ? `No event type contains "${positionals.join(' ')}".` : text);
  return text === '' ? 1 : 0;
}

async function send(): Promise<number> {
  const requestedUrl = readUrl(values.url);
  const environment = await readLocalEnvironment(path.resolve(import.meta.dirname, '../..'));
  // For the proxy variables, which may be in .env.
  Object.assign(process.env, environment);
  const secrets = readWebhookSecrets(environment);
  const text = await eventText(secrets);
  const url = requestedUrl ?? `http://${environment.HOST || '127.0.0.1'}:${environment.PORT || 3000}${WEBHOOK_PATH}`;
  const signingSecret = values.plain ? undefined : signingSecretOf(text, secrets);
  const response = await post(url, writeRequest(text, signingSecret, Date.now()));
  console.log(`${response.status} in ${Math.round(response.milliseconds)} ms: ${toEntry(response.body)}`);
  const advice = adviceFor(response);
  if (advice === undefined) return 0;
  console.error(advice);
  return 1;
}

function readUrl(url: string | undefined): string | undefined {
  if (url === undefined || /^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url;
  throw new UsageError(`--url must start with https:// or http://, not "${url}".`);
}

async function eventText(secrets: WebhookSecrets): Promise<string> {
  const [typed] = positionals;
  if (positionals.length > 1) {
    throw new UsageError(`Pass only one event type, not ${positionals.join(' ')}.\n\n${USAGE}`);
  }
  if (typed !== undefined && values.file === undefined) return sampleText(typed, secrets);
  if (typed === undefined && values.file !== undefined) {
    const text = await readEventFile(values.file, secrets);
    return values.again ? renewIds(text) : text;
  }
  throw new UsageError(`Pass either an event type or --file.\n\n${USAGE}`);
}

function sampleText(typed: string, { verificationTokens: [token] }: WebhookSecrets): string {
  const { type, version } = findEventType(typed, UNKNOWN_TYPE_ADVICE);
  return createSample(type, {
    version: values.v1 ? '1.0' : version,
    token,
    ...(values.as !== undefined && { variant: values.as }),
  });
}
