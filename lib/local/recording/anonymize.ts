import { createHash } from 'node:crypto';
import { isObject } from '../../feishu/envelope.ts';
import { parseExactly } from '../../util/exact-json.ts';
import { isDeveloperWord, isFieldName, isFileExtension, isProtocolWord, isTime } from './known-words.ts';

export interface AnonymizeOptions {
  /** Anyone who has it can recover replaced values by brute force: store it separately from the events. */
  key: string;
  /** Keeps the text of messages, except what looks like an id. */
  keepsText?: boolean;
}

/** The position of a value in the event. */
interface Place {
  /** The name of the nearest field. */
  field: string;
  /** Whether it is part of a card's `action`, except what a person entered there. */
  isAction: boolean;
  /** The event's type, the only value that is kept although no list contains it. */
  eventType: unknown;
}

const MESSAGE_TEXTS = /^(text|text_without_at_bot|title)$/;
/** Numbers in these fields are always replaced, even small ones. */
const ID_FIELD = /(^|_)(ids?|nos?|numbers?|mobiles?|phones?|telephones?)(_list)?$|Ids?$/;
/** Fields with what a person entered into a card. */
const INPUTS: ReadonlySet<string> = new Set(['input_value', 'form_value']);
const EVENT_TYPE_FIELDS: ReadonlySet<string> = new Set(['event_type', 'type']);
const EVENT_TYPE = /^[a-z][\w.-]{0,99}$/;
/** Longer numbers may be ids or telephone numbers. */
const MAXIMUM_KEPT_DIGITS = 3;

/** Parts of a text that are kept: the markup of mentions and translations, and the prefixes of ids. */
const PLATFORM_PARTS =
  /@_(?:user_\d{1,3}|all)\b|@i18n@|<\/at>|<at (?:open_id|user_id|id)=(?:"all")?|\b(?:ou|on|oc|om|omt|od|cli|(?:img|file)(?:_v\d)?)_|^c-/;
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/;
const ADDRESS = /https?:\/\/[^\s"'<>]+/;
/** Everything but punctuation, symbols, white space and the variation selectors of emoji. */
const WORD = /[^\p{P}\p{S}\p{Z}\p{Cc}\p{Cf}\p{Variation_Selector}]+/u;
const PARTS = new RegExp([EMAIL, ADDRESS, PLATFORM_PARTS, WORD].map(({ source }) => `(${source})`).join('|'), 'gu');
const ID = /\b(?:ou|on|oc|om|omt|od|cli|img|file)_[\w-]{8,}/g;
const FILE_NAME = /^(?<stem>.+)\.(?<extension>[A-Za-z\d]{1,5})$/s;

const DIGITS = '0123456789';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const HEXADECIMAL_LETTERS = 'abcdef';
const CHINESE = '天地山水日月风云花草树木春夏秋冬东西南北红黄蓝白金石田禾米竹';

/**
 * Creates the function that anonymizes an event's JSON. It replaces everything except:
 *
 * - The structure: objects, arrays, JSON within strings (whose strings are replaced too), `true`, `false`, `null`.
 * - Field names from the SDK's types, and compounds of their words.
 * - The event's type. In fields such as `…_type`, `…_status`, `tag`, `locale`, `timezone` and `version`, the words that
 *   the platform documents for them.
 * - Dates and times, in fields named accordingly.
 * - Numbers of up to three digits, except in fields for ids or telephone numbers.
 * - In a card's `action`, except what a person entered, and in a menu's `event_key`: common developer words, such as
 *   `approve` or `submit_order`.
 * - In texts: punctuation, symbols, emoji, single digits, the markup of mentions (`@_user_1`, `<at user_id="…">`), the
 *   prefixes of ids (`ou_`) and file extensions.
 *
 * A word, id or number has the same replacement everywhere, of the same length and kind, so that the events of a
 * conversation still belong together. A replacement differs from the original in every letter and digit. Digits stay
 * digits. The first digit of a word of 2 to 10 digits becomes 0, because an integer key without a leading zero would move
 * to the front of its object. The Verification Token is removed.
 */
export function createAnonymizer({ key, keepsText = false }: AnonymizeOptions): (text: string) => string {
  const bytesFor = (word: string) =>
    createHash('shake256', { outputLength: word.length })
      .update(JSON.stringify([key, word]))
      .digest();

  const replaceDigits = (digits: string, isFirstKept: boolean): string => {
    const bytes = bytesFor(digits);
    return Array.from(digits, (digit, index) => {
      if (index > 0) return choose(DIGITS, digit, bytes[index]);
      return isFirstKept ? digit : choose(DIGITS.slice(1), digit, bytes[0]);
    }).join('');
  };

  const replaceWord = (word: string): string => {
    if (/^\d$/.test(word)) return word;
    if (/^\d{2,10}$/.test(word)) return `0${replaceDigits(word, true).slice(1)}`;
    if (/^\d+$/.test(word)) return replaceDigits(word, word.startsWith('0'));
    const bytes = bytesFor(word);
    const isHexadecimal = /^(?=.*\d)(?=.*[a-f])[\da-f]{4,}$/.test(word);
    return Array.from(word, (character, index) => {
      const letter = choose(alphabetOf(character, isHexadecimal), character.toLowerCase(), bytes[index]);
      return /\p{Lu}/u.test(character) ? letter.toUpperCase() : letter;
    }).join('');
  };

  const replaceText = (text: string): string =>
    text.replace(PARTS, (part, email, address, platformPart) => {
      if (email !== undefined) return `${replaceWord(email.replace(/\W/g, ''))}@example.com`;
      if (address !== undefined) return `https://example.com/${replaceWord(address.replace(/\W/g, '')).slice(0, 16)}`;
      return platformPart ?? replaceWord(part);
    });

  const replaceIds = (text: string): string => text.replace(ID, (id) => replaceText(id));

  const replaceFileName = (text: string): string => {
    const { stem, extension } = FILE_NAME.exec(text)?.groups ?? {};
    if (stem === undefined || extension === undefined || !isFileExtension(extension)) return replaceText(text);
    return `${replaceText(stem)}.${extension}`;
  };

  const replaceNumber = (text: string, { field }: Place): unknown => {
    const [mantissa = ''] = /^-?[\d.]+/.exec(text) ?? [];
    const digits = mantissa.replace(/[-.]/g, '');
    const isKept = isTime(field, text) || (digits.length <= MAXIMUM_KEPT_DIGITS && !ID_FIELD.test(field));
    if (isKept) return JSON.rawJSON(text);
    const replaced = replaceDigits(digits, digits.startsWith('0'));
    let index = 0;
    // The exponent is kept, because it determines the size of the number.
    return JSON.rawJSON(mantissa.replace(/\d/g, () => replaced.charAt(index++)) + text.slice(mantissa.length));
  };

  const replaceString = (text: string, place: Place): string => {
    const { field, isAction, eventType } = place;
    if (field === 'token' && !text.startsWith('c-')) return '';
    if (text === 'true' || text === 'false') return text;
    if (text === eventType && EVENT_TYPE_FIELDS.has(field) && EVENT_TYPE.test(text)) return text;
    if (isProtocolWord(field, text) || isTime(field, text)) return text;
    if ((isAction || field === 'event_key') && isDeveloperWord(text)) return text;
    if (/^\s*[{[]/.test(text)) {
      const inner = parseInner(text);
      if (inner !== undefined) return JSON.stringify(replace(inner, place));
    }
    if (field === 'file_name') return replaceFileName(text);
    return keepsText && MESSAGE_TEXTS.test(field) ? replaceIds(text) : replaceText(text);
  };

  /** Keys may be data, for example in a card's `value` that counts votes by person. */
  const replaceObject = (object: object, place: Place): object => {
    const used = new Set<string>();
    const entries = Object.entries(object).map(([field, inner]) => {
      const isAction = (place.isAction || field === 'action') && !INPUTS.has(field);
      let name = isFieldName(field) ? field : replaceText(field);
      // Several short words may have the same replacement.
      while (used.has(name)) name += '_';
      used.add(name);
      return [name, replace(inner, { ...place, field, isAction })];
    });
    return Object.fromEntries(entries);
  };

  const replace = (value: unknown, place: Place): unknown => {
    if (typeof value === 'string') return replaceString(value, place);
    if (typeof value === 'number') return replaceNumber(`${value}`, place);
    if (typeof value !== 'object' || value === null) return value;
    if (JSON.isRawJSON(value)) return replaceNumber(value.rawJSON, place);
    if (Array.isArray(value)) return value.map((item) => replace(item, place));
    return replaceObject(value, place);
  };

  return (text) => {
    const body = parseExactly(text);
    const place = { field: '', isAction: false, eventType: eventTypeOf(body) };
    return `${JSON.stringify(replace(body, place), null, 2)}\n`;
  };
}

/** Returns a letter of the alphabet other than the original. */
function choose(alphabet: string, original: string, byte = 0): string {
  const others = alphabet.replace(original, '');
  return others.charAt(byte % others.length);
}

function alphabetOf(character: string, isHexadecimal: boolean): string {
  if (/\d/.test(character)) return DIGITS;
  if (isHexadecimal) return HEXADECIMAL_LETTERS;
  return /\p{Script=Han}/u.test(character) ? CHINESE : LETTERS;
}

/** The type is in the header in v2.0, in the event in v1.0. */
function eventTypeOf(body: unknown): unknown {
  if (!isObject(body)) return undefined;
  if (isObject(body.header)) return body.header.event_type;
  return isObject(body.event) ? body.event.type : undefined;
}

/** Parses JSON within a string, such as a message's content. */
function parseInner(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}
