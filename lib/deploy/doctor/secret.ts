import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Environment } from '../../config.ts';
import { tryParseJsonObject } from '../../feishu/envelope.ts';
import { type Finding, ok, problem, skipped } from './finding.ts';

/** The values that the functions get. */
export interface SecretReport {
  findings: Finding[];
  /** `undefined` when there are none to be read. */
  values: Environment | undefined;
}

const WEBHOOK_VALUES = ['FEISHU_ENCRYPT_KEY', 'FEISHU_VERIFICATION_TOKEN'] as const;
const APP_VALUES = ['FEISHU_APP_ID', 'FEISHU_APP_SECRET'] as const;
const STRAY_START = /^[\s"'“”]/;
const STRAY_END = /[\s"'“”]$/;

/** The parts of the stack that need values: the webhook to tell events from forged ones, the connection to connect. */
export interface SecretUsers {
  hasWebhook: boolean;
  hasConnection: boolean;
}

/** Reads the stage's secret, and checks what can be told of it without the platform. Names values, and never prints one. */
export async function checkSecret(
  client: SecretsManagerClient,
  secretId: string,
  users: SecretUsers,
): Promise<SecretReport> {
  const text = await readSecret(client, secretId);
  const advice = 'Write it from .env: npx serverless secrets. Then deploy again.';
  const unreadable = (what: string) => ({
    findings: [problem(`The secret ${secretId} ${what}.`, advice)],
    values: undefined,
  });
  if (text === undefined) return unreadable('is missing');
  const json = tryParseJsonObject(text);
  if (json === undefined) return unreadable('is no JSON object');
  const values = Object.fromEntries(Object.entries(json).map(([name, value]) => [name, String(value ?? '')]));
  const problems = [...findMissing(values, users), ...findMalformed(values)];
  const findings = problems.map((what) => problem(`In the secret ${secretId}, ${what}.`, advice));
  if (findings.length === 0) findings.push(ok(`The secret ${secretId} is complete`));
  if (!users.hasConnection && APP_VALUES.every((name) => !values[name])) {
    findings.push(
      skipped(`Handlers cannot use \`feishu\`: the secret has no ${APP_VALUES.join(' and ')}, which are optional`),
    );
  }
  return { findings, values };
}

async function readSecret(client: SecretsManagerClient, secretId: string): Promise<string | undefined> {
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: secretId }))).SecretString ?? '';
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

function findMissing(values: Environment, { hasWebhook, hasConnection }: SecretUsers): string[] {
  const missing = APP_VALUES.filter((name) => !values[name]);
  // Without a connection, the app's values may be left out, but one is of no use without the other.
  const isProblem = hasConnection || missing.length === 1;
  const problems = isProblem ? missing.map((name) => `${name} is missing`) : [];
  if (!hasWebhook || WEBHOOK_VALUES.some((name) => values[name])) return problems;
  return [...problems, `both ${WEBHOOK_VALUES.join(' and ')} are missing, so that the webhook rejects everything`];
}

function findMalformed(values: Environment): string[] {
  const stray = [...APP_VALUES, ...WEBHOOK_VALUES]
    .filter((name) => hasStrayCharacters(values[name] ?? ''))
    .map((name) => `${name} has white space, a line break or quotes that do not belong to it`);
  const appId = values.FEISHU_APP_ID ?? '';
  if (appId === '' || hasStrayCharacters(appId) || /^cli_\w+$/.test(appId)) return stray;
  return [...stray, 'FEISHU_APP_ID does not have the form cli_…: is it another value of the developer console?'];
}

function hasStrayCharacters(value: string): boolean {
  return STRAY_START.test(value) || STRAY_END.test(value) || /[\r\n]/.test(value);
}
