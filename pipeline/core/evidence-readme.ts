import { createPublicKey } from 'node:crypto'
import type { EvidenceIndex } from '../model/evidence.ts'

/** How openssl checks `signature.bin` over `signed.bin` by a key of this kind. */
function opensslCheck(pem: string, path: string): string {
  switch (createPublicKey(pem).asymmetricKeyType) {
    case 'ed25519':
      return `openssl pkeyutl -verify -pubin -inkey ${path} -rawin -in signed.bin -sigfile signature.bin`
    case 'rsa':
      return `openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -verify ${path} -signature signature.bin signed.bin`
    default:
      return `openssl dgst -sha256 -verify ${path} -signature signature.bin signed.bin`
  }
}

const block = (...lines: readonly string[]): string => ['```', ...lines, '```'].join('\n')

/** A shell function: takes an envelope apart and asks openssl. */
function checkFunction(pems: ReadonlyMap<string, string>, { keys }: EvidenceIndex): readonly string[] {
  const cases = keys.flatMap(({ keyid, path }) => {
    const pem = pems.get(keyid)
    return path === null || pem === undefined ? [] : [`  ${keyid}) ${opensslCheck(pem, path)} ;;`]
  })
  return [
    'check() {',
    `key=$(python3 - "$1" <<'END'`,
    'import base64, json, sys',
    'e = json.load(open(sys.argv[1])); s = e["signatures"][0]; print(s["keyid"])',
    'p = base64.b64decode(e["payload"]); t = e["payloadType"].encode()',
    'open("signed.bin", "wb").write(b"DSSEv1 %d %s %d %s" % (len(t), t, len(p), p))',
    'open("signature.bin", "wb").write(base64.b64decode(s["sig"]))',
    'END',
    ')',
    'case "$key" in',
    ...cases,
    '  *) echo "$1 is signed by $key, whose public key is not in here"; return 1 ;;',
    'esac',
    '}',
  ]
}

/** What a reader should know before anything else. */
function warning({ complete, problems }: EvidenceIndex): readonly string[] {
  if (complete) return []
  return [
    'INCOMPLETE. NOT TO BE BELIEVED AS IT IS: when this was packed, these links were wrong:',
    ...problems.map((text) => `  - ${text}`),
    '',
  ]
}

function missingLines({ missing }: EvidenceIndex): readonly string[] {
  if (missing.length === 0) return []
  return ['', 'NOT IN HERE', '', ...missing.map(({ what, why }) => `- ${what}: ${why}`)]
}

/**
 * `README.txt`: how to check an evidence archive with sha256sum, python3 and openssl alone. What stands between lines of three
 * backquotes is for a POSIX shell in the unpacked folder, from the first block to the last.
 * @param pems key id -> public key, of the keys that are in the archive
 */
export function evidenceReadme(index: EvidenceIndex, pems: ReadonlyMap<string, string>): string {
  const { image, version, variant, artifact, record, keys } = index
  const unknown = keys.filter(({ path }) => path === null)
  return [
    ...warning(index),
    `Evidence about the image ${image} ${version} (${variant})`,
    `image   sha256:${artifact}   (not in here: compare the file that you have)`,
    `record  sha256:${record}`,
    '',
    'index.html lists every file and says what it is; index.json says the same to programs; audit.json has the answers to what an',
    'auditor asks. Nothing of this needs mintmark: sha256sum, python3 and openssl 3 check it, in the folder that it was unpacked to.',
    '',
    '1. NOTHING WAS CHANGED SINCE IT WAS PACKED',
    '',
    block(
      'if sha256sum --quiet -c SHA256SUMS; then echo "all files are as they were packed"',
      'else echo "SOMETHING WAS CHANGED"; false; fi',
    ),
    '',
    '2. THE RECORD WAS SIGNED',
    '',
    'An envelope (DSSE) holds what was signed in base64, with its signature. What the key signed is "DSSEv1", the type and the payload,',
    'each with its length.',
    '',
    block(...checkFunction(pems, index), 'check record/record.dsse.json'),
    '',
    ...(unknown.length === 0
      ? []
      : [
          `Whose public key is not in here, for nobody knew it: ${unknown.map(({ keyid }) => keyid).join(', ')}.`,
          '',
        ]),
    '3. SO WAS ALL THAT HAPPENED SINCE',
    '',
    block(
      'for file in provenance/*.dsse.json events/*.dsse.json history/*/*.dsse.json; do',
      '  if [ -f "$file" ]; then echo "$file"; check "$file"; fi',
      'done',
      'rm -f signed.bin signature.bin',
    ),
    '',
    '4. NO EVENT IS MISSING IN BETWEEN: EACH NAMES THE ONE BEFORE',
    '',
    block(
      "python3 - <<'END'",
      'import base64, glob, hashlib, json',
      'for folder in ["events"] + sorted(glob.glob("history/*")):',
      '    before = None',
      '    for path in sorted(glob.glob(folder + "/0*.dsse.json")):',
      '        text = open(path, "rb").read()',
      '        event = json.loads(base64.b64decode(json.loads(text)["payload"]))["predicate"]',
      '        assert event["previous"] == before, path + " does not name the event before it"',
      '        before = hashlib.sha256(text).hexdigest()',
      'print("the chains of events hold")',
      'END',
    ),
    '',
    '5. THE REPORTS ARE THOSE THAT THE RECORD NAMES, AND IT IS ABOUT YOUR IMAGE',
    '',
    block(
      "python3 - <<'END'",
      'import base64, json',
      'record = json.loads(base64.b64decode(json.load(open("record/record.dsse.json"))["payload"]))["predicate"]',
      'here = {file["sha256"]: file["path"] for file in json.load(open("index.json"))["files"]}',
      'for name, report in record["reports"].items():',
      '    print(name, "is", here.get(report["sha256"], "NOT HERE"))',
      'print("the image has to have sha256:" + record["artifact"]["sha256"])',
      'END',
    ),
    '',
    '6. WHOSE KEYS THESE ARE',
    '',
    'Keys that came with an archive prove nothing. Ask somebody else than its sender for the id of the key that signs releases: it is the',
    'sha256 of the public key in DER, and the name of its file in keys/. A key of a Sigstore certificate lives for minutes and says nothing:',
    'its certificate, with the name in it, and the proof of the log are in the envelope, below "sigstore"; trust/sigstore-root.json is what',
    'they are checked by.',
    '',
    block(
      'for key in keys/*.pem; do',
      '  if [ -f "$key" ]; then echo "$key"; openssl pkey -pubin -in "$key" -outform DER | sha256sum; fi',
      'done',
    ),
    ...missingLines(index),
    '',
  ].join('\n')
}
