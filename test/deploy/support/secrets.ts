/** The secrets of a deployed test app. */
export const SECRETS = {
  FEISHU_APP_ID: 'cli_0123456789abcdef',
  FEISHU_APP_SECRET: 'app-secret-of-the-test',
  FEISHU_ENCRYPT_KEY: 'encrypt-key-of-the-test',
  FEISHU_VERIFICATION_TOKEN: 'verification-token-of-the-test',
};
