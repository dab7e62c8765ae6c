// The secrets of the tests' app. What logs is searched for all of them, see written-output.ts.

export const encryptKey = 'the encrypt key of the tests';
export const verificationToken = 'the-verification-token';
export const appSecret = 'secret-of-the-app';

/** Of the vectors that the platform documents. */
const DOCUMENTED = ['kudryavka', 'rvaYgkND1GOiu5MM0E1rncYC6PLtF7JV'];

export const SECRETS = [encryptKey, verificationToken, appSecret, ...DOCUMENTED];
