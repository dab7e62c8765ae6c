import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/project.ts';
import { run } from '../support/run.ts';

const ADVISORY = {
  id: 1,
  url: 'https://example.com/advisory',
  title: 'An example of a vulnerability',
  severity: 'high',
  vulnerable_versions: '*',
};

/** Runs the audit against a mock registry. */
async function auditAgainst(status: number, advisories: object) {
  await using registry = createServer(({ method, url = '' }, response) => {
    // npm also fetches the package of each advisory, to find its dependents.
    const name = decodeURIComponent(url.slice(1));
    const body = method === 'POST' ? advisories : { name, 'dist-tags': { latest: '0.0.0' }, versions: {} };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  const settings = { npm_config_registry: url, npm_config_fetch_retries: '0', npm_config_audit: 'true' };
  return await run(PROJECT_ROOT, 'test/dependencies/audit.ts', [], settings);
}

it.each([
  ['passes if there are no vulnerabilities', 200, {}, 0, 'No known vulnerabilities'],
  ['fails if a production dependency has a vulnerability', 200, { ws: [ADVISORY] }, 1, 'npm audit --omit=dev'],
  ['passes if only a development tool has one', 200, { vitest: [ADVISORY] }, 0, 'No known vulnerabilities'],
  [
    'passes with a notice if the registry has no audit endpoint',
    405,
    {},
    0,
    'Not checked: this npm registry has no audit endpoint',
  ],
  ['fails if the registry fails', 500, {}, 1, 'npm audit failed'],
] as const)('npm run audit %s', async (_, status, advisories, code, words) => {
  const result = await auditAgainst(status, advisories);
  expect(result.output).toContain(words);
  expect(result.code).toBe(code);
});
