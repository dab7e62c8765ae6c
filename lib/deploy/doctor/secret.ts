import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Environment } from '../../config.ts';
import { APP_SECRETS, parseSecretValues, WEBHOOK_SECRETS } from '../secrets/secret-values.ts';
import { type Finding, ok, problem, skipped } from './finding.ts';

export interface SecretReport {
  findings: Finding[];
  /** The secret's values by name. `undefined` if they could not be read. */
  values: Environment | undefined;
}

const STRAY_START = /^[\s"'“”]/;
const STRAY_END = /[\s"'“”]$/;

/** The parts of the stack that need secrets: the webhook to verify events, the long connection to log in. */
export interface SecretUsers {
  hasWebhook: boolean;
  hasConnection: boolean;
}

/** Reads the stage's secret and checks it without contacting the platform. Findings name values but never contain them. */
export async function checkSecret(
  client: SecretsManagerClient,
  secretId: string,
  users: SecretUsers,
): Promise<SecretReport> {
  const text = await readSecretText(client, secretId);
  const advice = 'Set the values in .env, run npx serverless secrets, then deploy again.';
  const unreadable = (what: string) => ({
    findings: [problem(`The secret ${secretId} ${what}.`, advice)],
    values: undefined,
  });
  if (text === undefined) return unreadable('is missing');
  const values = parseSecretValues(text);
  if (values === undefined) return unreadable('is not a JSON object of strings');
  const problems = [...findMissing(values, users), ...findMalformed(values)];
  const findings = problems.map((what) => problem(`In the secret ${secretId}, ${what}.`, advice));
  if (findings.length === 0) findings.push(ok(`The secret ${secretId} is complete`));
  if (!users.hasConnection && APP_SECRETS.every((name) => !values[name])) {
    findings.push(
      skipped(`Handlers cannot use \`feishu\`: the secret does not contain the optional ${APP_SECRETS.join(' and ')}`),
    );
  }
  return { findings, values };
}

async function readSecretText(client: SecretsManagerClient, secretId: string): Promise<string | undefined> {
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: secretId }))).SecretString ?? '';
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

function findMissing(values: Environment, { hasWebhook, hasConnection }: SecretUsers): string[] {
  const missing = APP_SECRETS.filter((name) => !values[name]);
  // Without a long connection, the app's credentials are optional, but one is useless without the other.
  const isProblem = hasConnection || missing.length === 1;
  const problems = isProblem ? missing.map((name) => `${name} is missing`) : [];
  if (!hasWebhook || WEBHOOK_SECRETS.some((name) => values[name])) return problems;
  return [...problems, `both ${WEBHOOK_SECRETS.join(' and ')} are missing, so the webhook rejects every event`];
}

function findMalformed(values: Environment): string[] {
  const malformed = [...APP_SECRETS, ...WEBHOOK_SECRETS]
    .filter((name) => hasStrayCharacters(values[name] ?? ''))
    .map((name) => `${name} starts or ends with whitespace or quotes, or contains a line break`);
  const appId = values.FEISHU_APP_ID ?? '';
  if (appId === '' || hasStrayCharacters(appId) || /^cli_\w+$/.test(appId)) return malformed;
  return [...malformed, 'FEISHU_APP_ID does not have the form cli_…. Is it another value from the developer console?'];
}

function hasStrayCharacters(value: string): boolean {
  return STRAY_START.test(value) || STRAY_END.test(value) || /[\r\n]/.test(value);
}
