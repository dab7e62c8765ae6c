/**
 * Replaces the SDK's credential providers in the functions' bundles. Lambda passes credentials in environment variables;
 * the providers for other environments would add 135 KB.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
