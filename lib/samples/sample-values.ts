import { randomUUID } from 'node:crypto';

// Fictitious values in the platform's formats.

export const TENANT = '2ca1d211f64f6438';
export const APP = 'cli_a1b2c3d4e5f6g7h8';
export const CHAT = 'oc_5ce6d572455d361153b7xx51da133945';
export const MESSAGE = 'om_574d639e4a44e4dd646eaf628e2a';
export const USER = {
  union_id: 'on_8ed6aa67826108097d9ee143816345',
  user_id: 'e33ggbyz',
  open_id: 'ou_84aad35d084aa403a838cf73ee18467',
};
/** The bot that samples mention, and that the mock platform of `npm start` says it is. */
export const BOT_OPEN_ID = 'ou_fd2f0a1c0b7e4e3f9d5a6b7c8d9e0f1a';
/** 2026-11-23 09:00 in Beijing, in seconds since the epoch. */
export const TIME = 1_795_395_600;

/** Returns 32 unique characters. */
export function uniqueId(): string {
  return randomUUID().replaceAll('-', '');
}

/** Texts by field name. The first match applies. */
const TEXTS: readonly (readonly [name: RegExp, text: string])[] = [
  [/^union_ids?$/, USER.union_id],
  [/^(open_?ids?|.*_open_ids?)$/i, USER.open_id],
  [/^(user_?ids?|employee_id|leaderID|.*_(user|employee)_ids?)$/i, USER.user_id],
  [/tenant_key$/, TENANT],
  [/^(app|application)_id$/, APP],
  [/chat_ids?$/, CHAT],
  [/message_ids?$/, MESSAGE],
  [/^zh_cn$/, '示例'],
  [/^ja_jp$/, '例'],
  [/email$/, 'someone@example.com'],
  [/^(mobile|phone|.*_mobile|.*_phone)$/, '+8613000000000'],
  [/(url|link|uri|avatar|avatar_\w+)s?$/, 'https://example.com/'],
  [/^(create_time|update_time|.*_time_ms)$/, `${TIME}000`],
  [/^(time|timestamp|time_stamp|.*_time|.*_at)$/, `${TIME}`],
  [/^(date|birthday|.*_date)$/, '2026-11-23'],
  [/^(locale|language)$/, 'zh_cn'],
  [/^time_?zone$/, 'Asia/Shanghai'],
  [/version$/, '1.0.0'],
  [/^(en_us|text|value|content|remark|.*(name|title|topic|subject|description|reason|comment))$/, 'Example'],
];

/** Returns a sample text for a field. */
export function sampleText(name: string): string {
  return TEXTS.find(([pattern]) => pattern.test(name))?.[1] ?? name;
}

/** Returns a sample number for a field. */
export function sampleNumber(name: string): number {
  return /^(time|timestamp|.*_time|.*_at)$/.test(name) ? TIME : 1;
}
