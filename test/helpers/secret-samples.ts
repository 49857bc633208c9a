import { createHash } from 'node:crypto'

/** Characters like those of a token, the same at each run: no whole secret stands in this repository's text. */
function like(length: number, not: RegExp, seed = 'sample'): string {
  let text = ''
  for (let count = 0; text.length < length; count += 1)
    text += createHash('sha256').update(`${seed} ${count}`).digest('base64').replace(not, '')
  return text.slice(0, length)
}
const letters = (length: number): string => like(length, /[^A-Za-z0-9]/g)
const base64 = (length: number): string => like(length, /[^A-Za-z0-9+/]/g)
const base32 = (length: number): string => like(length, /[^A-Z2-7]/g)

/** A PEM block of this label, as a program would write it. */
export const pem = (label: string, newline = '\n'): string =>
  ['-----', `BEGIN ${label}-----${newline}`, base64(64), newline, base64(64), newline].join('') +
  `-----END ${label}-----${newline}`

export interface Sample {
  readonly rule: string
  readonly path: string
  readonly text: string
}

const basic = Buffer.from(`robot:${letters(12)}`).toString('base64')

/** One for each rule, and more where a rule has several shapes; every path is one that Trivy never opens. */
export const samples: readonly Sample[] = [
  { rule: 'private-key', path: 'usr/share/x/example/server.key', text: pem('RSA PRIVATE KEY') },
  { rule: 'private-key', path: 'usr/lib/x/test/id', text: pem('OPENSSH PRIVATE KEY') },
  {
    rule: 'private-key',
    path: 'usr/share/x/README.md',
    text: `# Key\n\n    ${pem('PRIVATE KEY', '\n    ')}`,
  },
  {
    rule: 'private-key',
    path: 'usr/lib/node_modules/foo/account.json',
    text: JSON.stringify({ private_key: pem('PRIVATE KEY') }),
  },
  {
    rule: 'private-key',
    path: 'usr/share/x/encrypted.pem',
    text: pem('RSA PRIVATE KEY').replace('\n', `\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n`),
  },
  {
    rule: 'private-key',
    path: 'usr/share/x/secret.asc',
    text: pem('PGP PRIVATE KEY BLOCK').replace('\n', '\nVersion: GnuPG v2\n\n'),
  },
  {
    rule: 'putty-private-key',
    path: 'usr/share/x/login.ppk',
    text: `PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\nPublic-Lines: 1\r\n${base64(64)}\r\nPrivate-Lines: 1\r\n${base64(48)}\r\n`,
  },
  {
    rule: 'age-secret-key',
    path: 'usr/share/x/age.txt',
    text: `AGE-SECRET-${'KEY-1'}${like(58, /[^A-Z0-9]/g)}\n`,
  },
  {
    rule: 'wireguard-private-key',
    path: 'usr/share/x/wg0.conf',
    text: `[Interface]\nPrivateKey = ${base64(43)}=\n`,
  },
  { rule: 'aws-access-key-id', path: 'usr/lib/x/deploy.sh', text: `export ID=AKI${'A'}${base32(16)}\n` },
  {
    rule: 'aws-secret-access-key',
    path: 'usr/share/x/.aws/credentials',
    text: `[default]\naws_secret_access_key = ${base64(40)}\n`,
  },
  { rule: 'github-token', path: 'usr/share/x/a.md', text: `token: gh${'p_'}${letters(36)}\n` },
  { rule: 'github-token', path: 'usr/share/x/b.md', text: `gh${'o_'}${letters(36)}` },
  {
    rule: 'github-token',
    path: 'usr/share/x/c.md',
    text: `"github${'_pat_'}${letters(22)}_${letters(59)}"`,
  },
  { rule: 'gitlab-token', path: 'usr/share/x/ci.yml', text: `TOKEN: glp${'at-'}${letters(20)}\n` },
  { rule: 'slack-token', path: 'usr/share/x/bot.py', text: `'xox${'b-'}123456789012-${letters(24)}'` },
  {
    rule: 'slack-token',
    path: 'usr/share/x/hook.sh',
    text: `https://hooks.slack${'.com/services/'}T${base32(8)}/B${base32(8)}/${letters(24)}`,
  },
  { rule: 'google-api-key', path: 'usr/share/x/maps.js', text: `key=AI${'za'}${letters(35)}&v=3` },
  { rule: 'stripe-secret-key', path: 'usr/share/x/pay.rb', text: `"sk_${'live_'}${letters(24)}"` },
  { rule: 'npm-token', path: 'usr/share/x/publish.sh', text: `NPM=npm${'_'}${letters(36)}\n` },
  {
    rule: 'npm-token',
    path: 'usr/share/x/.npmrc',
    text: `//npm.corp.example/:_auth${'Token='}${letters(36)}\n`,
  },
  {
    rule: 'pypi-token',
    path: 'usr/share/x/.pypirc',
    text: `password = pypi-${'AgEIcHlwaS5vcmc'}${letters(60)}`,
  },
  { rule: 'vault-token', path: 'usr/share/x/.vault-token', text: `hv${'s.'}${letters(90)}` },
  {
    rule: 'azure-storage-key',
    path: 'usr/share/x/app.config',
    text: `AccountName=corp;Account${'Key='}${base64(86)}==;EndpointSuffix=core.windows.net`,
  },
  { rule: 'alibaba-access-key-id', path: 'usr/share/x/oss.ini', text: `id=LT${'AI'}5t${letters(18)}\n` },
  { rule: 'tencent-secret-id', path: 'usr/share/x/cos.ini', text: `secret_id=AK${'ID'}9${letters(31)}\n` },
  {
    rule: 'huawei-secret-key',
    path: 'usr/share/x/obs.sh',
    text: `export HUAWEICLOUD_SDK_SK="${letters(40)}"\n`,
  },
  {
    rule: 'docker-login',
    path: 'usr/share/x/.docker/config.json',
    text: JSON.stringify({ auths: { 'registry.example': { auth: basic } } }, null, 2),
  },
  { rule: 'kube-client-key', path: 'usr/share/x/admin.conf', text: `    client-key-data: ${base64(400)}\n` },
  {
    rule: 'kube-token',
    path: 'usr/share/x/.kube/config',
    text: `users:\n- user:\n    token: ${letters(40)}\n`,
  },
  {
    rule: 'netrc-password',
    path: 'usr/share/x/.netrc',
    text: `machine apt.corp.example login robot password ${letters(12)}\n`,
  },
  {
    rule: 'pgpass-password',
    path: 'usr/share/x/.pgpass',
    text: `# ours\ndb.corp.example:5432:*:app:${letters(12)}\n`,
  },
  { rule: 'mysql-password', path: 'usr/share/x/.my.cnf', text: `[client]\npassword=${letters(12)}\n` },
  {
    rule: 'git-credentials',
    path: 'usr/share/x/.git-credentials',
    text: `https://robot:${letters(20)}@git.corp.example\n`,
  },
]
