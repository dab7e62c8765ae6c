import { createHash } from 'node:crypto';
import { parseExactly } from './exact-json.ts';

export interface AnonymiseOptions {
  /** Whoever has it can find out what was replaced by trying: it is kept apart from the events. */
  key: string;
  /** Keeps what people wrote in messages. What looks like an id is replaced in it all the same. */
  keepsText?: boolean;
}

/** Where a value is: the name of the field it is in, and whether it is below a card's `action`. */
interface Place {
  field: string;
  isAction: boolean;
}

/** Fields whose values are the platform's own words. */
const PLATFORM_WORDS = /^(schema|host|style|(.*_)?(type|status|tag|locale|language|time_?zone|version|unit))$/;
const TIMES = /^(ts|date|(.*_)?(time|timestamp|date|at|time_ms))$/;
const MESSAGE_TEXTS = /^(text|text_without_at_bot|title)$/;
/** Numbers that are somebody's. */
const NUMBERS_OF_PEOPLE = /(^|_)(id|no|number|mobile|phone)$/;
/** What people enter into a card. */
const INPUTS: ReadonlySet<string> = new Set(['input_value', 'form_value']);

const PLATFORM_WORD = /^[\w.\-/ ]{1,100}$/;
const TIME = /^[\d.:\-+ TZ]+$/;
/** What a developer names a card's button or its choice. */
const DEVELOPER_WORD = /^[a-z]{1,20}([_.-][a-z]{1,20}){0,3}$/;

/** What a developer or the platform names a field. */
const FIELD_NAME = /^[a-z_][\w.-]*$/;

/** What stays of a text: prefixes that tell the kind of an id, and the places of mentions. */
const PLATFORM_PARTS = /@_(?:user_\d+|all)\b|\b(?:ou|on|oc|om|omt|od|cli|(?:img|file)(?:_v\d)?)_|^c-/;
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/;
const ADDRESS = /https?:\/\/[^\s"'<>]+/;
const WORD = /[\p{L}\p{M}\p{N}]+/u;
const PARTS = new RegExp([EMAIL, ADDRESS, PLATFORM_PARTS, WORD].map(({ source }) => `(${source})`).join('|'), 'gu');
const ID = /\b(?:ou|on|oc|om|omt|od|cli|img|file)_[\w-]{8,}/g;

const HEXADECIMAL = '0123456789abcdef';
const DIGITS = '0123456789';
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const CHINESE = '天地山水日月风云花草树木春夏秋冬东西南北红黄蓝白金石田禾米竹';

/**
 * Makes the function that replaces, in an event's JSON, everything that may tell who it is about: by default every text
 * but the platform's own words, the times, and the names that a developer gives to the parts of a card. The same word or
 * id is replaced by the same, of the same length and kind, wherever it occurs, so that conversations stay what they are.
 * The Verification Token is left out.
 */
export function createAnonymiser({ key, keepsText = false }: AnonymiseOptions): (text: string) => string {
  const bytesFor = (word: string) =>
    createHash('shake256', { outputLength: word.length })
      .update(JSON.stringify([key, word]))
      .digest();

  const replaceWord = (word: string): string => {
    const bytes = bytesFor(word);
    const isHexadecimal = /^(?=.*\d)(?=.*[a-f])[\da-f]{4,}$/.test(word);
    return Array.from(word, (character, index) => {
      const alphabet = isHexadecimal ? HEXADECIMAL : alphabetOf(character);
      const letter = alphabet[(bytes[index] as number) % alphabet.length] as string;
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

  /** Ids and names of people may be keys, as in a card's value that counts who has voted. */
  const replaceField = (field: string): string => (FIELD_NAME.test(field) ? replaceIds(field) : replaceText(field));

  const replaceNumber = (text: string): unknown =>
    JSON.rawJSON(
      text
        // Not the exponent: it would no longer be a number of this size.
        .replace(/^-?\d+(\.\d+)?/, (digits) => digits.replace(/\d+/g, replaceWord))
        .replace(/^(-?)0+(?=\d)/, '$1'),
    );

  const replaceString = (text: string, { field, isAction }: Place): string => {
    if (field === 'token' && !text.startsWith('c-')) return '';
    if (PLATFORM_WORDS.test(field) && PLATFORM_WORD.test(text)) return text;
    if (TIMES.test(field) && TIME.test(text)) return text;
    if ((isAction || field === 'event_key') && DEVELOPER_WORD.test(text)) return text;
    if (/^\s*[{[]/.test(text)) {
      const inner = parseInner(text);
      if (inner !== undefined) return JSON.stringify(replace(inner, { field, isAction }));
    }
    return keepsText && MESSAGE_TEXTS.test(field) ? replaceIds(text) : replaceText(text);
  };

  const replace = (value: unknown, place: Place): unknown => {
    if (typeof value === 'string') return replaceString(value, place);
    if (typeof value === 'number') return NUMBERS_OF_PEOPLE.test(place.field) ? replaceNumber(`${value}`) : value;
    if (typeof value !== 'object' || value === null) return value;
    if (JSON.isRawJSON(value)) return replaceNumber(value.rawJSON);
    if (Array.isArray(value)) return value.map((item) => replace(item, place));
    return Object.fromEntries(
      Object.entries(value).map(([field, inner]) => {
        const isAction = (place.isAction || field === 'action') && !INPUTS.has(field);
        return [replaceField(field), replace(inner, { field, isAction })];
      }),
    );
  };

  return (text) => `${JSON.stringify(replace(parseExactly(text), { field: '', isAction: false }), null, 2)}\n`;
}

function alphabetOf(character: string): string {
  if (/\p{N}/u.test(character)) return DIGITS;
  return /\p{Script=Han}/u.test(character) ? CHINESE : LETTERS;
}

/** A message's content is JSON in a string. */
function parseInner(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}
