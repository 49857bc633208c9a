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
    // What an earlier envelope left must not answer for this one.
    'rm -f signed.bin signature.bin',
    `key=$(python3 - "$1" <<'END'`,
    'import base64, json, sys',
    'e = json.load(open(sys.argv[1])); s = e["signatures"][0]',
    'p = base64.b64decode(e["payload"]); t = e["payloadType"].encode()',
    'open("signed.bin", "wb").write(b"DSSEv1 %d %s %d %s" % (len(t), t, len(p), p))',
    'open("signature.bin", "wb").write(base64.b64decode(s["sig"]))',
    'print(s["keyid"])',
    'END',
    ') || { echo "$1 is no envelope"; return 1; }',
    'case "$key" in',
    ...cases,
    '  *) echo "$1 is signed by $key, whose public key is not in here"; return 1 ;;',
    'esac',
    '}',
  ]
}

/** What happened: each event is about this release, in its place, and names the one before. */
const chainCheck = [
  "python3 - <<'END' || bad=1",
  'import base64, glob, hashlib, json, os, sys',
  'def opened(path):',
  '    text = open(path, "rb").read()',
  '    return json.loads(base64.b64decode(json.loads(text)["payload"]))["predicate"], hashlib.sha256(text).hexdigest()',
  'record, named = opened("record/record.dsse.json")',
  'about = {"image": record["image"], "variant": record["target"] + "-" + record["arch"]}',
  'own = dict(about, version=record["version"], record=named, subject=record["artifact"]["sha256"])',
  'wrong = []',
  'for folder in ["events"] + sorted(glob.glob("history/*")):',
  '    found = {}',
  '    for path in sorted(glob.glob(folder + "/0*.dsse.json")):',
  '        event, digest = opened(path)',
  '        number = len(found) + 1',
  '        right = event["sequence"] == number and event["previous"] == found.get(number - 1)',
  '        right = right and path == folder + "/%06d.dsse.json" % number',
  '        if folder == "events": right = right and event["kind"] != "pointed" and own.items() <= event.items()',
  '        else: right = right and event["kind"] == "pointed" and about.items() <= event.items() and folder == "history/" + event["data"]["channel"]',
  '        if not right: wrong.append(path + " does not belong there, or does not name the event before it")',
  '        found[number] = digest',
  '    head = folder + "/head.json"',
  '    if os.path.exists(head):',
  '        last = json.load(open(head))',
  '        if found.get(last["sequence"]) != last["sha256"]: wrong.append(head + " names an event that is not here")',
  '    elif len(found) > 1: wrong.append(head + " is missing: nobody can say that no later event is")',
  'sys.exit("\\n".join(wrong)) if wrong else print("the chains of events hold")',
  'END',
]

/** Digests are taken of the files: a list of digests is a claim like any other. */
const reportCheck = [
  "python3 - <<'END' || bad=1",
  'import base64, glob, hashlib, json, os, sys',
  'def payload(path): return base64.b64decode(json.load(open(path))["payload"])',
  'here = {hashlib.sha256(open(path, "rb").read()).hexdigest(): path for path in glob.glob("**/*", recursive=True) if os.path.isfile(path)}',
  'signed = payload("record/record.dsse.json"); record = json.loads(signed)["predicate"]',
  'named = [(name, report["sha256"]) for name, report in record["reports"].items()]',
  'for path in sorted(glob.glob("events/0*.dsse.json")):',
  '    event = json.loads(payload(path))["predicate"]',
  '    if event["kind"] == "rescanned": named.append(("findings of event %d" % event["sequence"], event["data"]["report"]["sha256"]))',
  'for name, digest in named: print(name, "is", here.get(digest, "NOT HERE"))',
  'print("the image has to have sha256:" + record["artifact"]["sha256"])',
  'same = open("record/statement.json", "rb").read() == signed',
  'if not same: print("record/statement.json IS NOT WHAT WAS SIGNED")',
  'sys.exit(0 if same and all(digest in here for name, digest in named) else 1)',
  'END',
]

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
    'auditor asks, as mintmark found them when it packed; these, and report/report-now.html, are signed by nobody. What proves is the rest.',
    'Nothing of this needs mintmark: sha256sum, python3 and openssl 3 check it, in the folder that it was unpacked to.',
    '',
    '1. NOTHING WAS CHANGED SINCE IT WAS PACKED',
    '',
    block(
      'bad=0',
      'if sha256sum --quiet -c SHA256SUMS; then echo "all files are as they were packed"',
      'else echo "SOMETHING WAS CHANGED"; bad=1; fi',
    ),
    '',
    '2. THE RECORD WAS SIGNED',
    '',
    'An envelope (DSSE) holds what was signed in base64, with its signature. What the key signed is "DSSEv1", the type and the payload,',
    'each with its length.',
    '',
    block(
      ...checkFunction(pems, index),
      'check record/record.dsse.json || { echo "THE RECORD IS NOT SIGNED"; bad=1; }',
    ),
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
      '  [ -f "$file" ] || continue',
      '  echo "$file"; check "$file" || { echo "NOT SIGNED: $file"; bad=1; }',
      'done',
      'rm -f signed.bin signature.bin',
    ),
    '',
    '4. EACH EVENT IS ABOUT THIS RELEASE, AND NONE IS MISSING IN BETWEEN: EACH NAMES THE ONE BEFORE',
    '',
    block(...chainCheck),
    '',
    '5. THE REPORTS ARE THOSE THAT THE RECORD AND THE EVENTS NAME',
    '',
    block(...reportCheck),
    '',
    '6. WHOSE KEYS THESE ARE',
    '',
    'Keys that came with an archive prove nothing. Ask somebody else than its sender for the id of the key that signs releases: it is the',
    'sha256 of the public key in DER, and the name of its file in keys/. A key of a Sigstore certificate lives for minutes and says nothing:',
    'its certificate, with the name in it, and the proof of the log are in the envelope, below "sigstore"; trust/sigstore-root.json is what',
    'they are checked by.',
    '',
    ...(index.anchored
      ? []
      : [
          'UNANCHORED: when this was packed, no policy named the key of the record; only the machine that packed it vouched for it.',
          '',
        ]),
    block(
      'for key in keys/*.pem; do',
      '  if [ -f "$key" ]; then echo "$key"; openssl pkey -pubin -in "$key" -outform DER | sha256sum; fi',
      'done',
    ),
    '',
    '7. ALL OF THAT TOGETHER',
    '',
    block(
      'if [ "$bad" = 0 ]; then echo "all of it holds; whose keys these are is for you to ask"',
      'else echo "SOMETHING ABOVE DOES NOT HOLD"; false; fi',
    ),
    ...missingLines(index),
    '',
  ].join('\n')
}
