import { X509Certificate } from 'node:crypto'

export interface PemBlock {
  /** What stands after BEGIN, e.g. CERTIFICATE. */
  readonly label: string
  /** From its BEGIN line to its END line, with a line feed at the end. */
  readonly text: string
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** The PEM blocks of a file, in order. */
export function pemBlocks(bytes: Uint8Array): readonly PemBlock[] {
  const blocks = latin1(bytes).matchAll(/^-----BEGIN ([A-Z0-9 ]+)-----\r?$[\s\S]*?^-----END \1-----\r?$/gm)
  return [...blocks].map(([text, label = '']) => ({ label, text: `${text.replaceAll('\r', '')}\n` }))
}

/** True when a PEM or OpenPGP private key begins anywhere in the bytes, also inside other text. */
export const hasPrivateKey = (bytes: Uint8Array): boolean =>
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/.test(latin1(bytes))

/** The certificates of a PEM file, each as a PEM text of its own; or why it is none of ours. */
export function certificatesIn(bytes: Uint8Array): readonly string[] | string {
  if (hasPrivateKey(bytes)) return 'has a private key in it: only certificates belong into an image'
  const certificates = pemBlocks(bytes).filter(({ label }) => label === 'CERTIFICATE')
  if (certificates.length === 0) return 'is no PEM certificate (-----BEGIN CERTIFICATE-----)'
  for (const [index, { text }] of certificates.entries()) {
    try {
      new X509Certificate(text)
    } catch (cause) {
      void cause // OpenSSL's words say nothing about the file
      return `has a certificate that can't be read: number ${index + 1} of ${certificates.length}`
    }
  }
  return certificates.map(({ text }) => text)
}
