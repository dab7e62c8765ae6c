import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SQSRecord } from 'aws-lambda';
import { type Delivery, readDelivery } from '../../worker/processor.ts';
import { type AnonymizeOptions, createAnonymizer } from './anonymize.ts';

export interface RecorderOptions extends Pick<AnonymizeOptions, 'keepsText'> {
  /** The folder for the events, one file each. */
  folder: string;
  /** The file with the key that keeps replacements the same across recordings. Created if missing. */
  keyFile: string;
  /** Called with a message for each file, and for each event that could not be recorded. */
  onNotice: (text: string) => void;
}

/**
 * Creates the function that records each event once, as a file for `npm run send -- --file` and for tests.
 *
 * @throws if the folder or the key cannot be written
 */
export function createRecorder({ folder, keyFile, onNotice, ...options }: RecorderOptions) {
  const key = readKey(keyFile);
  const anonymize = createAnonymizer({ key, ...options });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return (record: SQSRecord): void => {
    try {
      const delivery = readDelivery(record);
      const file = path.join(folder, fileName(delivery, key));
      if (existsSync(file)) return;
      writeFileSync(file, anonymize(delivery.text), { mode: 0o600 });
      onNotice(`Recorded ${path.relative(process.cwd(), file)}`);
    } catch (error) {
      // A failure to record must not fail the event.
      onNotice(`Could not record an event: ${(error as Error).message}`);
    }
  };
}

/** File systems limit names to 255 bytes. */
const MAXIMUM_TYPE_CHARACTERS = 100;

/** Starts with the time, so that the files of a conversation sort in order. */
function fileName({ envelope: { header }, receivedAt, text }: Delivery, key: string): string {
  const time = (header.created ?? receivedAt).toISOString().replace(/[-:]/g, '');
  const id = createHash('sha256')
    .update(JSON.stringify([key, header.id ?? text]))
    .digest('hex')
    .slice(0, 8);
  // The type comes from outside: it must not contain a path.
  const type = header.type.replace(/[^\w.-]/g, '_').slice(0, MAXIMUM_TYPE_CHARACTERS);
  return `${time}-${type}-${id}.json`;
}

function readKey(file: string): string {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, randomBytes(32).toString('hex'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8');
}
