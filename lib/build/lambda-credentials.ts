/**
 * Stands in for the SDK's credential provider in the functions' bundles: Lambda passes credentials in the environment,
 * and the providers for other places are 135 KB.
 */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env';
