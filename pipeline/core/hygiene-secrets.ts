import { type Left, leftWhere, noFiles, type Rule, type SealedDisk, saying } from './hygiene-disk.ts'
import { isPackaged } from './package-files.ts'

/** Below /usr are programs, their documents and examples: what a package ships there is everybody's. */
const outsideUsr = (path: string): boolean => !path.startsWith('usr/')

const fits = (path: string, patterns: readonly RegExp[]): boolean =>
  patterns.some((pattern) => pattern.test(path))

/** Files of tools that keep passwords, tokens or keys in them, in whatever home. */
const credentialFiles: readonly RegExp[] = [
  /(?:^|\/)\.aws\/(?:credentials|config|sso\/.+|cli\/cache\/.+)$/,
  /(?:^|\/)\.azure\/.+$/,
  /(?:^|\/)\.config\/gcloud\/.+$/,
  /(?:^|\/)\.config\/(?:gh\/hosts\.yml|hub|rclone\/rclone\.conf|containers\/auth\.json|doctl\/config\.yaml|op\/.+)$/,
  /(?:^|\/)\.aliyun\/config\.json$/,
  /(?:^|\/)\.tccli\/.+\.credential$/,
  /(?:^|\/)\.hcloud\/config\.json$/,
  /(?:^|\/)\.oci\/config$/,
  /(?:^|\/)\.docker\/config\.json$/,
  /(?:^|\/)\.dockercfg$/,
  /(?:^|\/)\.kube\/config$/,
  /(?:^|\/)[._]netrc$/,
  /(?:^|\/)\.git-credentials$/,
  /(?:^|\/)\.pgpass$/,
  /(?:^|\/)\.my\.cnf$/,
  /(?:^|\/)\.mylogin\.cnf$/,
  /(?:^|\/)\.pypirc$/,
  /(?:^|\/)\.gem\/credentials$/,
  /(?:^|\/)\.cargo\/credentials(?:\.toml)?$/,
  /(?:^|\/)\.m2\/settings(?:-security)?\.xml$/,
  /(?:^|\/)\.terraform\.d\/credentials\.tfrc\.json$/,
  /(?:^|\/)\.vault-token$/,
  /(?:^|\/)\.s3cfg$/,
  /(?:^|\/)\.boto$/,
  /(?:^|\/)\.smbcredentials$/,
  /(?:^|\/)\.gnupg\/(?:private-keys-v1\.d\/.+|secring\.gpg)$/,
  /(?:^|\/)\.password-store\/.+$/,
  /(?:^|\/)\.local\/share\/keyrings\/.+$/,
]

/** Files of the system's own that hold passwords: judged by what is in them. */
const secretTexts: readonly { readonly place: RegExp; readonly secret: RegExp }[] = [
  { place: /^etc\/apt\/auth\.conf(?:\.d\/[^/]+)?$/, secret: /^(?:machine|login|password)\b/ },
  { place: /(?:^|\/)\.npmrc$/, secret: /_(?:authToken|password|auth)\s*=\s*[^\s$]/ },
  {
    place: /^etc\/(?:npmrc|pip\.conf)$/,
    secret: /_(?:authToken|password|auth)\s*=|:\/\/[^/\s:@]+:[^/\s@]+@/,
  },
  {
    place: /(?:^|\/)\.(?:pip\/pip\.conf|config\/pip\/pip\.conf|gitconfig)$/,
    secret: /:\/\/[^/\s:@]+:[^/\s@]+@/,
  },
  {
    place: /^etc\/environment$/,
    secret: /^(?:export\s+)?\w*(?:SECRET|TOKEN|PASSWORD|ACCESS_KEY)\w*\s*=\s*\S/,
  },
  { place: /^etc\/ppp\/(?:chap|pap)-secrets$/, secret: /\S/ },
  {
    place: /^etc\/NetworkManager\/system-connections\/[^/]+$/,
    secret: /^(?:psk|password|private-key-password|wep-key\d|leap-password|secrets?|pin)\s*=\s*\S/,
  },
  { place: /^etc\/wpa_supplicant\/[^/]+\.conf$/, secret: /\b(?:psk|password|wep_key\d)\s*=/ },
  { place: /^etc\/netplan\/[^/]+\.ya?ml$/, secret: /\b(?:password|key|client-key-password)\s*:\s*\S/ },
  {
    place: /^etc\/(?:wireguard\/[^/]+\.conf|systemd\/network\/[^/]+\.netdev)$/,
    secret: /^(?:PrivateKey|PresharedKey)\s*=/,
  },
  { place: /^etc\/ipsec\.secrets$/, secret: /\b(?:PSK|EAP|XAUTH|NTLM)\b\s*"/ },
]

/** Texts that these rules read. */
export const isSecretText = (path: string): boolean =>
  path === iscsiName || (outsideUsr(path) && secretTexts.some(({ place }) => place.test(path)))

const secretsInTexts = ({ texts }: SealedDisk): readonly Left[] =>
  Object.entries(texts).flatMap(([path, text]) => {
    const rules = secretTexts.filter(({ place }) => place.test(path))
    return rules.some(({ secret }) => saying(text).some((line) => secret.test(line)))
      ? [{ path, what: 'has a password or a key in it' }]
      : []
  })

/** By which a machine is known to a service: two instances with one of them are one machine to it. */
const agentIdentities: readonly RegExp[] = [
  /^etc\/krb5\.keytab$/,
  /^etc\/(?:iscsi\/initiatorname\.iscsi|nvme\/host(?:id|nqn)|hostid)$/,
  /^etc\/dhcpcd\.(?:duid|secret)$/,
  /^var\/lib\/dhcpcd\/(?:duid|secret)$/,
  /^var\/lib\/NetworkManager\/secret_key$/,
  /^etc\/salt\/pki\/minion\/minion\.pem$/,
  /^(?:etc\/puppetlabs\/puppet|etc\/puppet|var\/lib\/puppet)\/ssl\/private_keys\/.+$/,
  /^etc\/chef\/client\.pem$/,
  /^etc\/kubernetes\/(?:pki\/.+|(?:admin|kubelet)\.conf)$/,
  /^var\/lib\/kubelet\/pki\/.+$/,
  /^etc\/rancher\/node\/password$/,
  /^var\/lib\/tailscale\/tailscaled\.state$/,
  /^var\/lib\/teleport\/host_uuid$/,
  /^var\/lib\/amazon\/ssm\/(?:registration|Vault\/.+|i-[^/]+\/.+)$/,
  /^var\/lib\/waagent\/.+\.(?:prv|crt|pem|p7m)$/,
  /^usr\/local\/cloudmonitor\/conf\/accesskey\.properties$/,
  /^(?:etc\/|root\/\.)cloudflared\/[^/]+\.json$/,
  /^etc\/docker\/key\.json$/,
  /^var\/lib\/docker\/engine-id$/,
  /^var\/lib\/tor\/(?:keys\/.+|.+\/hs_ed25519_secret_key)$/,
  /^var\/lib\/ubuntu-advantage\/private\/.+$/,
  /^var\/lib\/snapd\/device\/.+$/,
  /^var\/ossec\/etc\/client\.keys$/,
  /^opt\/CrowdStrike\/falconstore$/,
]

const iscsiName = 'etc/iscsi/initiatorname.iscsi'

/** An iSCSI name that each instance makes at its first start is none yet: the file says GenerateName. */
const isMadeAlready = ({ texts }: SealedDisk, path: string): boolean =>
  path !== iscsiName || /^InitiatorName=/m.test(texts[path] ?? '')

/** Facts about keys and passwords. */
export const secretRules: readonly Rule[] = [
  {
    id: 'no-host-keys',
    title: 'the image has no SSH host keys',
    expected: 'no /etc/ssh/ssh_host_*',
    found: noFiles(/^etc\/ssh\/ssh_host_/),
  },
  {
    id: 'no-private-keys',
    title: 'the image has no private key',
    expected: 'none for SSH or TLS, and no file with one in it (make it at the first start of an instance)',
    found: (disk) => {
      const { packages, digests } = disk
      const named = leftWhere(
        disk,
        ({ kind, bytes, path }) =>
          kind === 'file' &&
          bytes > 0 &&
          outsideUsr(path) &&
          (/^etc\/(?:ssl|pki\/tls)\/private\/[^/]+$/.test(path) ||
            /(?:^|\/)id_(?:rsa|dsa|ecdsa|ed25519|ecdsa_sk|ed25519_sk)$/.test(path) ||
            /\.(?:p12|pfx|jks)$/.test(path)) &&
          !isPackaged(path, packages, digests),
      )
      const names = new Set(named.map(({ path }) => path))
      const inside = disk.privateKeysIn.filter(
        (path) =>
          !names.has(path) && !path.startsWith('etc/ssh/ssh_host_') && !isPackaged(path, packages, digests),
      )
      return [...named, ...inside.map((path) => ({ path, what: 'has one in it' }))]
    },
  },
  {
    id: 'no-authorized-keys',
    title: 'no key is accepted for a login before an instance is given one',
    expected: 'no authorized_keys in any home',
    found: (disk) =>
      leftWhere(
        disk,
        ({ kind, path }) =>
          kind !== 'folder' && outsideUsr(path) && /(?:^|\/)authorized_keys[^/]*$/.test(path),
      ),
  },
  {
    id: 'no-build-key',
    title: 'nobody can log in with a key of the build',
    expected: "the build's public key in no file",
    found: ({ buildKeyIn }) => buildKeyIn?.map((path) => ({ path })) ?? "the build's public key is not known",
  },
  {
    id: 'no-credentials',
    title: 'no tool has credentials in the image',
    expected: 'no file of credentials in any home, no password in the configuration of apt and the network',
    found: (disk) => [
      ...leftWhere(
        disk,
        ({ kind, bytes, path }) =>
          kind !== 'folder' && bytes > 0 && outsideUsr(path) && fits(path, credentialFiles),
      ),
      ...secretsInTexts(disk),
    ],
  },
  {
    id: 'no-agent-identities',
    title: 'no agent has enrolled this image as if it were a machine',
    expected: 'no keytab, registration or host id of an agent',
    found: (disk) =>
      leftWhere(
        disk,
        ({ kind, bytes, path }) =>
          kind === 'file' && bytes > 0 && fits(path, agentIdentities) && isMadeAlready(disk, path),
      ),
  },
]
