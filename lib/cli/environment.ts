import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readEnvironmentFile } from './environment-file.ts';

/**
 * Returns the variables of the process and of `.env`. Those of the process take precedence.
 *
 * @param root the project's folder
 */
export async function readLocalEnvironment(root: string, processEnvironment = process.env) {
  const fromFile = await readEnvironmentFile(path.join(root, '.env'));
  return { ...fromFile, ...definedOf(processEnvironment) };
}

/**
 * Matches the settings that AWS SDKs, the AWS CLI and Lambda read. Other `AWS_` names, such as `AWS_S3_BUCKET`, belong to
 * the user.
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
 * Returns the environment for the functions and the long connection: the user's variables without this machine's AWS
 * settings, which would conflict with those of the emulators.
 *
 * @param user the variables of the process and of `.env`
 * @param emulators the variables that point AWS clients at the emulators
 */
export function createFunctionEnvironment(
  user: Readonly<Record<string, string>>,
  emulators: Readonly<Record<string, string>>,
): Record<string, string> {
  const withoutAws = Object.entries(user).filter(([name]) => !AWS_SETTING.test(name));
  return { ...Object.fromEntries(withoutAws), ...emulators };
}

/**
 * Creates a `.env` with a random Encrypt Key and Verification Token, unless it exists or the environment has a secret.
 *
 * @param root the project's folder
 * @returns whether it was created
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

/** Starts the random secrets for local use. Deployments reject secrets with this prefix. */
export const LOCAL_SECRET_PREFIX = 'local-';

function exampleEnvironment(): string {
  const secret = () => LOCAL_SECRET_PREFIX + randomBytes(16).toString('hex');
  return `# The app's secrets from the developer console. These are random values for local use.
FEISHU_ENCRYPT_KEY=${secret()}
FEISHU_VERIFICATION_TOKEN=${secret()}

# For handlers that call the platform's API. Without them, npm start only prints the calls.
# FEISHU_APP_ID=cli_…
# FEISHU_APP_SECRET=…

# For Lark: https://open.larksuite.com
# FEISHU_DOMAIN=https://open.feishu.cn

# For a store app: store
# FEISHU_APP_TYPE=self
`;
}

function definedOf(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
