import { asText, isObject } from '../feishu/envelope.ts';
import type { ApprovalOptions } from '../handler.ts';

/** For texts without a language. */
const DEFAULT_LOCALE = 'zh_cn';

interface CheckedOption {
  id: string;
  isDefault: boolean;
  /** By language. */
  texts: Record<string, string>;
}

/**
 * Converts a handler's options to the platform's format. The platform displays an option as an empty line if it has no
 * text, so each gets one in every language that occurs.
 *
 * @throws {TypeError} if an option has no id or no text, or the id of another option
 * @see https://open.feishu.cn/document/ukTMukTMukTM/uADM4QjLwADO04CMwgDN
 */
export function toOptionsResult(returned: unknown): object {
  const { options, nextPageToken } = (isObject(returned) ? returned : {}) as Partial<ApprovalOptions>;
  if (!Array.isArray(options)) throw new TypeError('The handler must return { options: [{ id, text }, …] }.');
  const checked = options.map(checkOption);
  const ids = new Set(checked.map(({ id }) => id));
  if (ids.size < checked.length) throw new TypeError('Two options have the same id.');
  const occurring = [...new Set(checked.flatMap(({ texts }) => Object.keys(texts)))];
  // Even without options, there must be a language.
  const locales = occurring.length > 0 ? occurring : [DEFAULT_LOCALE];
  return {
    options: checked.map(({ id, isDefault }) => ({ id, value: textKey(id), ...(isDefault && { isDefault }) })),
    i18nResources: locales.map((locale, index) => ({
      locale,
      isDefault: index === 0,
      texts: Object.fromEntries(
        checked.map(({ id, texts }) => [textKey(id), texts[locale] ?? Object.values(texts)[0]]),
      ),
    })),
    hasMore: Boolean(nextPageToken),
    ...(nextPageToken && { nextPageToken }),
  };
}

function checkOption(option: unknown, index: number): CheckedOption {
  const { id, text, isDefault } = isObject(option) ? option : {};
  const name = `options[${index}]`;
  if (asText(id) === undefined) throw new TypeError(`${name}.id must be a text that is not empty.`);
  const texts = Object.entries(isObject(text) ? text : { [DEFAULT_LOCALE]: text }).filter(([, value]) => asText(value));
  if (texts.length === 0) throw new TypeError(`${name}.text must be a text, or a text for each language.`);
  return {
    id: id as string,
    isDefault: isDefault === true,
    texts: Object.fromEntries(texts) as CheckedOption['texts'],
  };
}

/** The platform looks this up in the texts of the user's language. */
function textKey(id: string): string {
  return `@i18n@${id}`;
}
