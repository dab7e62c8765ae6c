import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SQSRecord } from 'aws-lambda';
import { type Delivery, readDelivery } from '../../worker/processor.ts';
import { type AnonymizeOptions, createAnonymizer } from './anonymize.ts';

export interface RecorderOptions extends Pick<AnonymizeOptions, 'keepsText'> {
  /** Where the events go, one file each. */
  folder: string;
  /** Where the key is kept that makes the replacements the same from one recording to the next. */
  keyFile: string;
  /** Told of each file, and of each event that could not be recorded. */
  onNotice: (text: string) => void;
}

/**
 * Makes the function that keeps each event once, as a file that `npm run send -- --file` and tests can play again.
 *
 * @throws when the folder or the key cannot be written
 */
export function createRecorder({ folder, keyFile, onNotice, ...options }: RecorderOptions) {
  const key = readKey(keyFile);
  const anonymise = createAnonymizer({ key, ...options });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return (record: SQSRecord): void => {
    try {
      const delivery = readDelivery(record);
      const file = path.join(folder, fileName(delivery, key));
      if (existsSync(file)) return;
      writeFileSync(file, anonymise(delivery.text), { mode: 0o600 });
      onNotice(`Recorded ${path.relative(process.cwd(), file)}`);
    } catch (error) {
      // Whether it is handled does not depend on it.
      onNotice(`An event was not recorded: ${(error as Error).message}`);
    }
  };
}

/** A file's name may have 255 bytes. */
const MAXIMUM_TYPE_CHARACTERS = 100;

/** In the order of time, so that a conversation can be read and played from the first to the last. */
function fileName({ envelope: { header }, receivedAt, text }: Delivery, key: string): string {
  const time = (header.created ?? receivedAt).toISOString().replace(/[-:]/g, '');
  const id = createHash('sha256')
    .update(JSON.stringify([key, header.id ?? text]))
    .digest('hex')
    .slice(0, 8);
  // A type comes from outside: it must not lead out of the folder.
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
