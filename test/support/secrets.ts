// The secrets of the test app. written-output.ts searches all output for them.

export const encryptKey = 'the encrypt key of the tests';
export const verificationToken = 'the-verification-token';
export const appSecret = 'secret-of-the-app';

/** From the test vectors in the platform's documentation. */
const DOCUMENTED = ['kudryavka', 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV'];

export const SECRETS = [encryptKey, verificationToken, appSecret, ...DOCUMENTED];
