import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Remembers that an app has changes without a published version, which the platform does not report. */
export interface UnpublishedChanges {
  exist(): Promise<boolean>;
  remember(): Promise<void>;
  forget(): Promise<void>;
}

/** Remembers them in `.local`, so that a command that was killed between a change and the version continues later. */
export function unpublishedChangesOf(root: string, appId: string): UnpublishedChanges {
  const file = path.join(root, '.local/unpublished', encodeURIComponent(appId));
  return {
    exist: () =>
      stat(file).then(
        () => true,
        () => false,
      ),
    async remember() {
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, '');
    },
    forget: () => rm(file, { force: true }),
  };
}
