import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { resolveRegion } from '../../lib/deploy/region.ts';

const CONFIG = `[default]
region = eu-west-1
[profile tokyo]
region = ap-northeast-1
[profile stage]
region = ap-south-1
[profile project]
region = sa-east-1
`;

let folder: Awaited<ReturnType<typeof mkdtempDisposable>>;
beforeEach(async () => {
  folder = await mkdtempDisposable(path.join(tmpdir(), 'feishu-events-'));
  for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_PROD_PROFILE']) {
    vi.stubEnv(name, undefined);
  }
  await useConfig(CONFIG);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', path.join(folder.path, 'none'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

// The SDK keeps the content of each file.
let files = 0;
async function useConfig(text: string): Promise<void> {
  files += 1;
  const file = path.join(folder.path, `config-${files}`);
  await writeFile(file, text);
  vi.stubEnv('AWS_CONFIG_FILE', file);
}

const resolve = (
  environment: Record<string, string>,
  options: Record<string, string> = {},
  provider: Record<string, string> = {},
) => {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  const resolveConfigurationProperty = async ([, name = '']: string[]) => ({ stage: 'prod', ...provider })[name];
  return resolveRegion({ options, resolveConfigurationProperty });
};

test.each([
  ['--region', { AWS_REGION: 'us-west-1' }, { region: 'us-west-2', 'aws-profile': 'tokyo' }, {}, 'us-west-2'],
  [
    'AWS_REGION',
    { AWS_REGION: 'us-west-1', AWS_DEFAULT_REGION: 'us-west-2', AWS_PROFILE: 'tokyo' },
    {},
    {},
    'us-west-1',
  ],
  ['AWS_DEFAULT_REGION', { AWS_DEFAULT_REGION: 'us-west-2', AWS_PROFILE: 'tokyo' }, {}, {}, 'us-west-2'],
  ['--aws-profile', { AWS_PROFILE: 'stage' }, { 'aws-profile': 'tokyo' }, {}, 'ap-northeast-1'],
  ["the stage's profile", { AWS_PROD_PROFILE: 'stage', AWS_PROFILE: 'tokyo' }, {}, {}, 'ap-south-1'],
  ['AWS_PROFILE', { AWS_PROFILE: 'tokyo' }, {}, { profile: 'project' }, 'ap-northeast-1'],
  ['provider.profile', {}, {}, { profile: 'project' }, 'sa-east-1'],
  ['AWS_DEFAULT_PROFILE', { AWS_DEFAULT_PROFILE: 'tokyo' }, {}, {}, 'ap-northeast-1'],
  ['the default profile', {}, {}, {}, 'eu-west-1'],
])('The region comes from %s', async (_, environment, options, provider, region) => {
  expect(await resolve(environment, options, provider)).toBe(region);
});

test('Without a region anywhere, it is us-east-1', async () => {
  await useConfig('');
  expect(await resolve({})).toBe('us-east-1');
});
