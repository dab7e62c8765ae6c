import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { createProject, PROJECT_ROOT, type TemporaryProject } from './project.ts';

/** Creates a copy of this project without handlers, in which checks and tests run. */
export async function createEmptyProject(): Promise<TemporaryProject> {
  const project = await createProject();
  await rm(path.join(project.root, 'functions/handlers'), { recursive: true });
  await mkdir(path.join(project.root, 'functions/handlers'));
  for (const name of ['tsconfig.json', 'vitest.config.ts', 'biome.json', 'test/support']) {
    await cp(path.join(PROJECT_ROOT, name), path.join(project.root, name), { recursive: true });
  }
  return project;
}
