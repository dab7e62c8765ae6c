import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readWebhookSecrets } from '../config.ts';
import { OLD_CARD_TYPE, parseEnvelope } from '../feishu/envelope.ts';
import { type Proof, type WebhookSecrets, writeRequest } from '../feishu/request.ts';
import { readLocalEnvironment } from '../local/environment.ts';
import { WEBHOOK_PATH } from '../local/gateway.ts';
import { toPrintable } from '../printable.ts';
import { parseExactly } from './exact-json.ts';
import { post } from './post.ts';
import { createSample, versionOf } from './samples.ts';

// npm run send: signs, encrypts and posts an event, as the platform would.

const USAGE = `Usage: npm run send -- <event type> [options]

Signs, encrypts and posts a sample of an event, with the secrets of the environment or of .env.

  <event type>     for example im.message.receive_v1, out_approval, card.action.trigger
  --url <url>      where to post it; the local stack unless told
  --file <file>    send this event: the whole JSON as the platform sends it, decrypted; the token is put in
  --v1             in a v1.0 envelope; unless told, types without a dot are
  --plain          neither signed nor encrypted
  --help           this text

Exits with 0 when the event was accepted, 1 when not, 2 when it could not be sent.`;

/** A mistake in how the command was called: the message is all a person needs. */
class UsageError extends Error {}

interface Arguments {
  type: string | undefined;
  url: string | undefined;
  file: string | undefined;
  isVersion1: boolean;
  isPlain: boolean;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

async function main(): Promise<number> {
  const parsed = readArguments();
  if (parsed === undefined) {
    console.log(USAGE);
    return 0;
  }
  const root = path.resolve(import.meta.dirname, '../..');
  const environment = await readLocalEnvironment(root);
  const secrets = readWebhookSecrets(environment);
  const text = parsed.file === undefined ? sampleText(parsed, secrets) : await fileText(parsed.file, secrets);
  const url = parsed.url ?? `http://${environment.HOST || '127.0.0.1'}:${environment.PORT || 3000}${WEBHOOK_PATH}`;
  const { status, body, milliseconds } = await post(
    url,
    writeRequest(text, proofFor(text, parsed, secrets), Date.now()),
  );
  console.log(`${status} in ${Math.round(milliseconds)} ms: ${toPrintable(body)}`);
  return status === 200 ? 0 : 1;
}

/** @returns `undefined` when only help was asked for */
function readArguments(): Arguments | undefined {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
  const { values, positionals } = parsed;
  if (values.help) return undefined;
  const [type] = positionals;
  if (positionals.length > 1)
    throw new UsageError(`One event type at a time, not ${positionals.join(' ')}.\n\n${USAGE}`);
  if ((type === undefined) === (values.file === undefined)) {
    throw new UsageError(`Give either an event type or --file.\n\n${USAGE}`);
  }
  return { type, url: readUrl(values.url), file: values.file, isVersion1: values.v1, isPlain: values.plain };
}

function parse() {
  return parseArgs({
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      file: { type: 'string' },
      v1: { type: 'boolean', default: false },
      plain: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
}

function readUrl(url: string | undefined): string | undefined {
  if (url === undefined || /^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url;
  throw new UsageError(`--url must be an address that begins with https:// or http://, not "${url}".`);
}

function sampleText({ type = '', isVersion1 }: Arguments, { verificationTokens: [token] }: WebhookSecrets): string {
  return createSample(type, { version: isVersion1 ? '1.0' : versionOf(type), token });
}

/** The event of a file, with the Verification Token that the receiver expects. */
async function fileText(file: string, { verificationTokens: [token] }: WebhookSecrets): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new UsageError(`${file} cannot be read: ${cause.message}`, { cause });
  });
  const envelope = parseEnvelope(text);
  const isOldCard = envelope.kind !== 'url-verification' && envelope.header.type === OLD_CARD_TYPE;
  if (token === undefined || isOldCard || envelope.token === token) return text;
  const body = parseExactly(text) as { header?: object };
  return JSON.stringify(
    body.header === undefined ? { ...body, token } : { ...body, header: { ...body.header, token } },
  );
}

function proofFor(text: string, { isPlain }: Arguments, secrets: WebhookSecrets): Proof {
  const [encryptKey] = secrets.encryptKeys;
  const [verificationToken] = secrets.verificationTokens;
  const envelope = parseEnvelope(text);
  if (isPlain) return undefined;
  if (envelope.kind === 'callback' && envelope.header.type === OLD_CARD_TYPE) {
    if (verificationToken === undefined)
      throw new UsageError('The old card callback is signed with FEISHU_VERIFICATION_TOKEN: set it.');
    return { verificationToken };
  }
  return encryptKey === undefined ? undefined : { encryptKey };
}
