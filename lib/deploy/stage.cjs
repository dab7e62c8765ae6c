// serverless.yml names this file. Without this check, the framework reports an invalid stage once for each name that
// contains it.
module.exports = ({ options: { stage } }) => {
  if (!stage || /^[A-Za-z0-9-]+$/.test(stage)) return stage || null;
  const error = new Error(`--stage may contain only letters, digits and hyphens, unlike "${stage}".`);
  // The framework prints it.
  error.stack = error.message;
  throw error;
};
