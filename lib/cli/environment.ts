import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { readTextFile } from './read-text-file.ts';

/** Lambda takes 4 KB of environment variables. */
const MAXIMUM_FILE_BYTES = 64 * 1024;

/**
 * The process's variables, and those of `.env` that the process does not have.
 *
 * @param root the project's folder
 */
export async function readLocalEnvironment(root: string, processEnvironment = process.env) {
  const fromFile = await readEnvironmentFile(path.join(root, '.env'));
  return { ...fromFile, ...definedOf(processEnvironment) };
}

/**
 * The AWS settings of this machine, by the names that AWS SDKs, the AWS CLI and Lambda use. Other names beginning with
 * `AWS_`, such as `AWS_S3_BUCKET`, are the user's.
 */
const AWS_SETTING = new RegExp(
  `^AWS_(${[
    'ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|SECURITY_TOKEN|CREDENTIAL_.*|ACCOUNT_ID.*|BEARER_TOKEN_.*',
    'PROFILE|CONFIG_FILE|SHARED_CREDENTIALS_FILE|SDK_.*|LOGIN_.*|CA_BUNDLE|(STS_)?REGION.*|DEFAULT_.*|DEFAULTS_MODE',
    'ROLE_.*|WEB_IDENTITY_.*|CONTAINER_(AUTHORIZATION|CREDENTIALS)_.*|EC2_METADATA_.*',
    'ENDPOINT_URL.*|ENDPOINT_DISCOVERY_.*|IGNORE_CONFIGURED_.*|USE_(FIPS|DUALSTACK)_ENDPOINT',
    'RETRY_MODE|MAX_ATTEMPTS|AUTH_SCHEME_.*|SIGV4A?_.*|ENABLE_.*|DISABLE_.*|REQUEST_.*|RESPONSE_.*',
    'LAMBDA_.*|EXECUTION_ENV',
  ].join('|')})$`,
);

/**
 * The environment that the functions and the connection run in: the user's variables, and AWS settings that lead to the
 * emulators only. A profile, session token or endpoint of this machine would mix with the emulators' credentials.
 *
 * @param user the process's variables and those of `.env`
 * @param emulators what the template's own AWS clients need to find the emulators
 */
export function createFunctionEnvironment(
  user: Readonly<Record<string, string>>,
  emulators: Readonly<Record<string, string>>,
): Record<string, string> {
  const withoutAws = Object.entries(user).filter(([name]) => !AWS_SETTING.test(name));
  return { ...Object.fromEntries(withoutAws), ...emulators };
}

/**
 * Writes a `.env` with a random Encrypt Key and Verification Token, where there is none and no secret is set otherwise.
 *
 * @param root the project's folder
 * @returns whether it was written
 */
export async function writeMissingEnvironmentFile(root: string, processEnvironment = process.env): Promise<boolean> {
  if (processEnvironment.FEISHU_ENCRYPT_KEY || processEnvironment.FEISHU_VERIFICATION_TOKEN) return false;
  try {
    await writeFile(path.join(root, '.env'), exampleEnvironment(), { mode: 0o600, flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * @returns what the file sets: nothing when there is none
 * @throws {RangeError} when the file is larger than 64 KiB
 */
export async function readEnvironmentFile(file: string): Promise<Record<string, string>> {
  try {
    return definedOf(parseEnv(await readTextFile(file, MAXIMUM_FILE_BYTES)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** How the random secrets begin that are written for this machine: no deployment takes them. */
export const LOCAL_SECRET_PREFIX = 'local-';

function exampleEnvironment(): string {
  const secret = () => LOCAL_SECRET_PREFIX + randomBytes(16).toString('hex');
  return `# The app's secrets, from its developer console. These two are random, for trying things out on this machine.
FEISHU_ENCRYPT_KEY=${secret()}
FEISHU_VERIFICATION_TOKEN=${secret()}

# For handlers that call the platform. Without them, npm start shows what would have been sent.
# FEISHU_APP_ID=cli_…
# FEISHU_APP_SECRET=…

# Of Lark: https://open.larksuite.com
# FEISHU_DOMAIN=https://open.feishu.cn

# Of an app in the app store: store
# FEISHU_APP_TYPE=self
`;
}

function definedOf(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
