import { readFile } from 'node:fs/promises';
import { type Environment, readAppCredentials, readDomain } from '../config.ts';
import { FeishuError } from '../feishu/errors.ts';
import type { Credentials } from '../feishu/long-connection/discovery.ts';

/**
 * Reads what the long connection logs in with: the app's secret or, if `FEISHU_CLIENT_ASSERTION_FILE` is set, the content
 * of that file, which is read again for each login.
 *
 * @throws {FeishuError} `FEISHU_MISCONFIGURED` if a variable is missing, or `FEISHU_CLIENT_ASSERTION_PROXY` is not an
 *   `https:` URL
 */
export function readConnectionCredentials(environment: Environment): Credentials {
  const { FEISHU_APP_ID: appId, FEISHU_APP_SECRET: appSecret = '', FEISHU_CLIENT_ASSERTION_FILE: file } = environment;
  if (!file || !appId) return readAppCredentials(environment);
  const proxy = readProxy(environment);
  const clientAssertion = async () => ({ value: await readAssertion(file), proxy });
  return { appId, appSecret, domain: readDomain(environment), clientAssertion };
}

async function readAssertion(file: string): Promise<string> {
  const value = (await readFile(file, 'utf8')).trim();
  if (value === '') throw new Error(`${file} is empty`);
  return value;
}

function readProxy({ FEISHU_CLIENT_ASSERTION_PROXY: text }: Environment): URL | undefined {
  if (!text) return undefined;
  const url = URL.parse(text);
  if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url;
  throw new FeishuError(
    'FEISHU_MISCONFIGURED',
    'FEISHU_CLIENT_ASSERTION_PROXY must be an https:// URL without a user name and password.',
  );
}
