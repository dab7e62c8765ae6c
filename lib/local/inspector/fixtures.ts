import path from 'node:path';
import { parseEnvelope } from '../../feishu/envelope.ts';
import { BadRequest } from './read-requests.ts';
import type { FixtureResult } from './wire.ts';

/** Relative to the project. */
const FIXTURES_FOLDER = 'test/fixtures';

/**
 * Saves an event as a file for tests, with ids, names and texts replaced.
 *
 * @param root the project's folder
 * @param text the event's JSON
 * @param receivedAt ISO 8601
 * @throws {BadRequest} if it is not an event
 */
export async function saveFixture(root: string, text: string, receivedAt: string | undefined): Promise<FixtureResult> {
  const envelope = parseEnvelope(text);
  if (envelope.kind === 'url-verification') throw new BadRequest('This is not an event.');
  // Loaded only here, because the recorder loads all samples.
  const { createEventFiles } = await import('../recording/recorder.ts');
  const write = createEventFiles({
    folder: path.join(root, FIXTURES_FOLDER),
    keyFile: path.join(root, '.local/recording-key'),
  });
  const { file, isNew } = write({ envelope, text, receivedAt: new Date(receivedAt ?? Date.now()) });
  return { file: path.relative(root, file).replaceAll(path.sep, '/'), isNew };
}
