import path from 'node:path';
import { readCommandLine, UsageError } from '../cli/command-line.ts';
import { readLocalEnvironment } from '../cli/environment.ts';
import { readEventFile, renewIds, signingSecretOf } from '../cli/outgoing-event.ts';
import { post } from '../cli/post.ts';
import { readWebhookSecrets } from '../config.ts';
import { type WebhookSecrets, writeRequest } from '../feishu/request.ts';
import { findEventType, formatEventTypes } from '../samples/event-type.ts';
import { createSample } from '../samples/samples.ts';
import { toEntry } from '../util/printable.ts';
import { WEBHOOK_PATH } from '../webhook/path.ts';
import { adviceFor } from './response-advice.ts';

// npm run send: signs, encrypts and posts an event, as the platform would.

const USAGE = `Usage: npm run send -- <event type> [options]
       npm run send -- --file <file> [options]
       npm run send -- --list [part of a type]

Signs, encrypts and posts a sample of an event, with the secrets of the environment or of .env.

  <event type>     for example im.message.receive_v1, out_approval, card.action.trigger
  --as <variant>   which sample of the type, for example image; the first that --list shows unless told
  --list           list the event types and the variants of their samples
  --url <url>      where to post it; the local stack unless told
  --file <file>    send this event: the whole JSON as the platform sends it, decrypted; the token is put in
  --again          with --file: under new ids, so that it is handled although it was before
  --v1             in a v1.0 envelope, whatever the type is
  --plain          neither signed nor encrypted
  --help           this text

Exits with 0 when the event was accepted, 1 when not, 2 when it could not be sent.`;

const UNKNOWN_TYPE_ADVICE =
  'npm run send -- --list shows all. An event of any other type can be sent from a file: --file.';

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
  const target = readUrl(values.url);
  const environment = await readLocalEnvironment(path.resolve(import.meta.dirname, '../..'));
  const secrets = readWebhookSecrets(environment);
  const text = await eventText(secrets);
  const url = target ?? `http://${environment.HOST || '127.0.0.1'}:${environment.PORT || 3000}${WEBHOOK_PATH}`;
  const proof = values.plain ? undefined : signingSecretOf(text, secrets);
  const answer = await post(url, writeRequest(text, proof, Date.now()));
  console.log(`${answer.status} in ${Math.round(answer.milliseconds)} ms: ${toEntry(answer.body)}`);
  const advice = adviceFor(answer);
  if (advice === undefined) return 0;
  console.error(advice);
  return 1;
}

function readUrl(url: string | undefined): string | undefined {
  if (url === undefined || /^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url;
  throw new UsageError(`--url must be an address that begins with https:// or http://, not "${url}".`);
}

async function eventText(secrets: WebhookSecrets): Promise<string> {
  const [typed] = positionals;
  if (positionals.length > 1) {
    throw new UsageError(`One event type at a time, not ${positionals.join(' ')}.\n\n${USAGE}`);
  }
  if (typed !== undefined && values.file === undefined) return sampleText(typed, secrets);
  if (typed === undefined && values.file !== undefined) {
    const text = await readEventFile(values.file, secrets);
    return values.again ? renewIds(text) : text;
  }
  throw new UsageError(`Give either an event type or --file.\n\n${USAGE}`);
}

function sampleText(typed: string, { verificationTokens: [token] }: WebhookSecrets): string {
  const { type, version } = findEventType(typed, UNKNOWN_TYPE_ADVICE);
  return createSample(type, {
    version: values.v1 ? '1.0' : version,
    token,
    ...(values.as !== undefined && { variant: values.as }),
  });
}
