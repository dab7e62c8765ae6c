/** Replaces the SDK's implementation of SHA-256 in the functions' bundles. It is used only where Node has no OpenSSL. */
export const Sha256Js = undefined;
