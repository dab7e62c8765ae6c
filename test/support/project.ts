import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const PROJECT_ROOT = path.resolve(import.meta.dirname, '../..');

export interface TemporaryProject extends AsyncDisposable {
  root: string;
  /** @param name for example `v2/im.message.receive_v1.ts` */
  writeHandler(name: string, source: string): Promise<void>;
}

/** Copies this project to a temporary folder, so that a test can change its handlers. */
export async function createProject(): Promise<TemporaryProject> {
  const root = await mkdtemp(path.join(tmpdir(), 'feishu-events-project-'));
  for (const name of ['deploy', 'extensions.yml', 'functions', 'lib', 'package.json', 'serverless.yml']) {
    await cp(path.join(PROJECT_ROOT, name), path.join(root, name), { recursive: true });
  }
  await symlink(path.join(PROJECT_ROOT, 'node_modules'), path.join(root, 'node_modules'));
  return {
    root,
    writeHandler: (name, source) => writeFile(path.join(root, 'functions/handlers', name), source),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}
