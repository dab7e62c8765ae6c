/**
 * AWS settings of a developer's machine, which are for the handlers' own clients. Each of these makes an AWS SDK fail or
 * use something other than the emulators.
 */
export const DEVELOPER_AWS_SETTINGS = {
  AWS_PROFILE: 'does-not-exist',
  AWS_CONFIG_FILE: '/does-not-exist/config',
  AWS_SHARED_CREDENTIALS_FILE: '/does-not-exist/credentials',
  AWS_SDK_LOAD_CONFIG: '1',
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret-of-the-developer',
  AWS_SESSION_TOKEN: 'session-of-the-developer',
  AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/developer',
  AWS_WEB_IDENTITY_TOKEN_FILE: '/does-not-exist/token',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:9/credentials',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
  AWS_USE_FIPS_ENDPOINT: 'true',
  AWS_USE_DUALSTACK_ENDPOINT: 'true',
  AWS_MAX_ATTEMPTS: 'many',
  AWS_RETRY_MODE: 'unknown',
  AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9',
};
