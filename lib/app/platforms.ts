export type PlatformName = 'feishu' | 'lark';

/** The addresses of Feishu or of Lark. */
export interface Platform {
  /** Registers apps. */
  accounts: string;
  /** The value of `FEISHU_DOMAIN`. */
  domain: string;
}

export const PLATFORMS: Readonly<Record<PlatformName, Platform>> = {
  feishu: { accounts: 'https://accounts.feishu.cn', domain: 'https://open.feishu.cn' },
  lark: { accounts: 'https://accounts.larksuite.com', domain: 'https://open.larksuite.com' },
};
