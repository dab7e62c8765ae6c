/** Whether handlers call the platform with the credentials of an app, instead of the mock platform. */
export function hasAppCredentials(environment: Record<string, string>): boolean {
  return Boolean(environment.FEISHU_APP_ID && environment.FEISHU_APP_SECRET);
}

/**
 * Returns the variables that point the official SDK's client at the mock platform, or none if there are app credentials.
 *
 * @param environment the user's variables
 * @param origin of the mock platform
 */
export function mockPlatformAccess(environment: Record<string, string>, origin: string): Record<string, string> {
  if (hasAppCredentials(environment)) return {};
  // A store app would wait for an app ticket, which the mock platform does not send.
  const selfBuiltApp = { FEISHU_APP_ID: 'cli_local', FEISHU_APP_SECRET: 'local', FEISHU_APP_TYPE: 'self' };
  return { ...selfBuiltApp, FEISHU_DOMAIN: origin };
}
