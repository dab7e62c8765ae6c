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
 * Returns the user's variables without Lambda's, which describe a function that this machine is not running. AWS settings
 * stay: they belong to the handlers' own clients.
 *
 * @param user the variables of the process and of `.env`
 */
export function createFunctionEnvironment(user: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(user).filter(([name]) => !/^AWS_LAMBDA_/.test(name)));
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
