import { expect, test } from 'vitest';
import { checkSettings } from '../../lib/cli/settings.ts';

test.each([
  [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be DEBUG, INFO, WARN or ERROR, not "loud".'],
  [{ FEISHU_APP_TYPE: 'shop' }, 'FEISHU_APP_TYPE must be self or store, not "shop".'],
  [{ LIMIT_CALL_RATE: 'yes' }, 'LIMIT_CALL_RATE must be true or false, not "yes".'],
  [{ FEISHU_DOMAIN: 'open.feishu.cn' }, 'FEISHU_DOMAIN must be https://open.feishu.cn or https://open.larksuite.com'],
  [{ FEISHU_DOMAIN: 'https://open.feishu.com' }, 'not "https://open.feishu.com".'],
  [{ FEISHU_DOMAIN: 'http://open.feishu.cn' }, 'not "http://open.feishu.cn".'],
])('the setting %j is rejected with the allowed values', (settings, message) => {
  expect(() => checkSettings(settings)).toThrow(message);
});

test.each([
  {},
  { LOG_LEVEL: '', FEISHU_APP_TYPE: '', FEISHU_DOMAIN: '' },
  { LOG_LEVEL: 'debug', FEISHU_APP_TYPE: 'store', FEISHU_DOMAIN: 'https://open.larksuite.com' },
  { LIMIT_CALL_RATE: 'true' },
  { FEISHU_DOMAIN: 'http://127.0.0.1:3000' },
])('the settings %j are accepted', (settings) => {
  checkSettings(settings);
});
