import { readdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Lists the modules in `functions/handlers/approvals`, whose names are the last part of their URLs.
 *
 * @param root the project's folder
 * @returns an empty list if the folder does not exist
 */
export async function readApprovalModules(root: string): Promise<string[]> {
  const folder = path.join(root, 'functions/handlers/approvals');
  const files = await readdir(folder).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .toSorted();
}
