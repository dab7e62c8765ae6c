/** An error that the user can fix. The message says how. */
export class DeploymentError extends Error {
  /** For errors of this name, the Serverless Framework prints only the message, not the stack trace. */
  override readonly name = 'ServerlessError';
}
