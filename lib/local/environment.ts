import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';

export interface LocalEnvironment {
  /** The process's variables, and those of `.env` that the process does not have. */
  environment: Record<string, string>;
  /** Whether `.env` was written just now. */
  wasWritten: boolean;
}

/**
 * Reads `.env`. Where there is none, and no secret is set either, it writes one with a random Encrypt Key and
 * Verification Token.
 *
 * @param root the project's folder
 */
export async function readLocalEnvironment(root: string, processEnvironment = process.env): Promise<LocalEnvironment> {
  const file = path.join(root, '.env');
  const known = await readEnvironmentFile(file);
  const hasSecret = processEnvironment.FEISHU_ENCRYPT_KEY || processEnvironment.FEISHU_VERIFICATION_TOKEN;
  const wasWritten = known === undefined && !hasSecret;
  if (wasWritten) await writeFile(file, exampleEnvironment(), { mode: 0o600 });
  const fromFile = wasWritten ? await readEnvironmentFile(file) : known;
  return { environment: { ...fromFile, ...definedOf(processEnvironment) }, wasWritten };
}

/** @returns what the file sets, or `undefined` when there is none */
export async function readEnvironmentFile(file: string): Promise<Record<string, string> | undefined> {
  try {
    return definedOf(parseEnv(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
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
`;
}

function definedOf(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
