import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Template } from '../../../lib/deploy/serverless.ts';
import { run } from './run.ts';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export type Project = Awaited<ReturnType<typeof createProject>>;

/**
 * Copies this project to run the Serverless Framework there, isolated from this machine: no `.env`, AWS credentials or home
 * folder.
 *
 * @param environment the variables of the framework's commands, in addition to `PATH`
 */
export async function createProject(environment: Record<string, string> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'feishu-events-project-'));
  for (const name of ['deploy', 'extensions.yml', 'functions', 'lib', 'package.json', 'serverless.yml']) {
    await cp(path.join(ROOT, name), path.join(folder, name), { recursive: true });
  }
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  const commandEnvironment: Record<string, string> = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    // Poll often, because a local AWS is fast.
    SLS_AWS_MONITORING_FREQUENCY: '200',
    ...environment,
  };
  return {
    folder,
    environment: commandEnvironment,

    /** Runs `npx serverless …`. */
    serverless(...args: string[]) {
      const command = path.join(ROOT, 'node_modules/.bin/serverless');
      return run(command, args, { cwd: folder, environment: commandEnvironment });
    },

    /** Runs `serverless package` and returns the template. */
    async package(...args: string[]): Promise<Template> {
      const { code, output } = await this.serverless('package', ...args);
      if (code !== 0) throw new Error(output);
      return this.template();
    },

    async template(): Promise<Template> {
      const file = path.join(folder, '.serverless/cloudformation-template-update-stack.json');
      return JSON.parse(await readFile(file, 'utf8'));
    },

    writeEnvironment(values: Record<string, string>) {
      const lines = Object.entries(values).map(([name, value]) => `${name}=${value}\n`);
      return writeFile(path.join(folder, '.env'), lines.join(''));
    },

    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
