import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

/** The files of a key and its certificate. */
export interface Certificate {
  key: string;
  certificate: string;
}

/**
 * Creates a self-signed certificate.
 *
 * @param names for example `DNS:example.com`; separated by commas
 * @throws if `openssl` is not installed
 */
export async function createCertificate(folder: string, names = 'IP:127.0.0.1'): Promise<Certificate> {
  const key = path.join(folder, 'key.pem');
  const certificate = path.join(folder, 'certificate.pem');
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=localhost', '-addext', `subjectAltName=${names}`, '-days', '1'];
  await promisify(execFile)('openssl', ['req', '-x509', ...algorithm, ...subject, '-keyout', key, '-out', certificate]);
  return { key, certificate };
}
