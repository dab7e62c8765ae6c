import { UsageError } from './command-line.ts';

/** The platforms of Feishu and of Lark. */
export const PLATFORM_DOMAINS = ['https://open.feishu.cn', 'https://open.larksuite.com'] as const;
export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const;
const APP_TYPES = ['self', 'store'];
const SWITCH = ['true', 'false'];
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/**
 * Checks the settings in a local environment or `.env`. Loopback addresses are allowed as the domain, for mock platforms.
 *
 * @throws {UsageError} if a value is not allowed; the message names the setting and the allowed values
 */
export function checkSettings(settings: Readonly<Record<string, string | undefined>>): void {
  const { LOG_LEVEL: logLevel, FEISHU_APP_TYPE: appType, FEISHU_DOMAIN: domain, LIMIT_CALL_RATE } = settings;
  if (logLevel && !LOG_LEVELS.some((level) => level === logLevel.toUpperCase())) {
    throw notAllowed('LOG_LEVEL', LOG_LEVELS, logLevel);
  }
  if (appType && !APP_TYPES.includes(appType)) throw notAllowed('FEISHU_APP_TYPE', APP_TYPES, appType);
  if (LIMIT_CALL_RATE && !SWITCH.includes(LIMIT_CALL_RATE))
    throw notAllowed('LIMIT_CALL_RATE', SWITCH, LIMIT_CALL_RATE);
  if (domain && !PLATFORM_DOMAINS.some((known) => known === domain) && !isLoopback(domain)) {
    throw notAllowed('FEISHU_DOMAIN', PLATFORM_DOMAINS, domain);
  }
}

function isLoopback(text: string): boolean {
  return LOOPBACK_HOST.test(URL.parse(text)?.hostname ?? '');
}

function notAllowed(name: string, allowed: readonly string[], value: string): UsageError {
  return new UsageError(
    `${name} must be ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}, not "${value}". ` +
      'Change it in .env or in the environment.',
  );
}
