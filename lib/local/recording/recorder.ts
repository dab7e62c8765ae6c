import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { SQSRecord } from 'aws-lambda';
import { type Delivery, readDelivery } from '../../worker/processor.ts';
import { type AnonymizeOptions, createAnonymizer } from './anonymize.ts';

export interface EventFilesOptions extends Pick<AnonymizeOptions, 'keepsText'> {
  /** The folder for the events, one file each. */
  folder: string;
  /** The file with the key that keeps replacements the same across recordings. Created if missing. */
  keyFile: string;
}

export interface RecorderOptions extends EventFilesOptions {
  /** Called with a message for each file, and for each event that could not be recorded. */
  onNotice: (text: string) => void;
}

export interface WrittenEvent {
  /** The path of the file. */
  file: string;
  /** Whether the file did not exist. */
  isNew: boolean;
}

/**
 * Creates the function that writes an event to a file, with ids, names and texts replaced. Its name depends on the event,
 * and an existing file is kept.
 *
 * @throws if the folder or the key cannot be written
 */
export function createEventFiles({ folder, keyFile, ...options }: EventFilesOptions) {
  const key = readKey(keyFile);
  const anonymize = createAnonymizer({ key, ...options });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return (event: RecordedEvent): WrittenEvent => {
    const file = path.join(folder, fileName(event, key));
    const isNew = !existsSync(file);
    if (isNew) writeFileSync(file, anonymize(event.text), { mode: 0o600 });
    return { file, isNew };
  };
}

/**
 * Creates the function that records each event once, as a file for `npm run send -- --file` and for tests.
 *
 * @throws if the folder or the key cannot be written
 */
export function createRecorder({ onNotice, ...options }: RecorderOptions) {
  const write = createEventFiles(options);
  return (record: SQSRecord): void => {
    try {
      const { file, isNew } = write(readDelivery(record));
      if (isNew) onNotice(`Recorded ${path.relative(process.cwd(), file)}`);
    } catch (error) {
      // A failure to record must not fail the event.
      onNotice(`Could not record an event: ${(error as Error).message}`);
    }
  };
}

/** An event to write to a file. */
export type RecordedEvent = Pick<Delivery, 'envelope' | 'receivedAt' | 'text'>;

/** File systems limit names to 255 bytes. */
const MAXIMUM_TYPE_CHARACTERS = 100;

/** Starts with the time, so that the files of a conversation sort in order. */
function fileName({ envelope: { header }, receivedAt, text }: RecordedEvent, key: string): string {
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
