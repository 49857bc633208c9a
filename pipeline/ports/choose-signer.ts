import { MintmarkError } from '../errors.ts'
import type { Files } from './files.ts'
import { isKmsKey, kmsSigning } from './sign-kms.ts'
import { sigstoreSigning } from './sign-sigstore.ts'
import { type Signing, signing } from './signing.ts'

/**
 * Who signs here, by `MINTMARK_SIGNER`: `file` (a key of this machine, when it is not set), `kms:KEY` or `sigstore`.
 * @throws MintmarkError CONFIG_INVALID for another value
 */
export function chooseSigner(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  files: Files,
  note: (text: string) => void,
): Signing {
  const wanted = env['MINTMARK_SIGNER'] || 'file'
  const key = wanted.startsWith('kms:') ? wanted.slice('kms:'.length) : null
  if (wanted === 'file') return signing(folder, files)
  if (key !== null && isKmsKey(key)) return kmsSigning(key, folder, files)
  if (wanted === 'sigstore') {
    const settings = {
      fulcio: env['MINTMARK_SIGSTORE_FULCIO'] || null,
      rekor: env['MINTMARK_SIGSTORE_REKOR'] || null,
      timestamps: env['MINTMARK_SIGSTORE_TSA'] || null,
      publicLog: env['MINTMARK_SIGSTORE_PUBLIC_LOG'] === 'true',
    }
    return sigstoreSigning(settings, note)
  }
  throw new MintmarkError('CONFIG_INVALID', `MINTMARK_SIGNER is "${wanted}"`, {
    hint: 'file, sigstore, or kms: with a key id, an alias or an ARN, e.g. kms:alias/golden; in mintmark.yaml: signing: {signer: file}',
  })
}
