import { type AwsGrantee, byPrincipal, granteeOf, principalText } from './aws-principals.ts'
import { canonicalJson, sha256 } from './digest.ts'
import { compare } from './lists.ts'
import { parsedJson } from './parsed-json.ts'

/** One statement, with whatever it holds. */
export type KeyStatement = Readonly<Record<string, unknown>>

/** The policy of a KMS key. What is not ours in it stays as it is. */
export interface KeyPolicy {
  readonly document: Readonly<Record<string, unknown>>
  readonly statements: readonly KeyStatement[]
}

/** The most that KMS takes, in characters. */
export const mostOfAPolicy = 32_768

/** The policy in the text that KMS gave; null when it is none. */
export function parseKeyPolicy(text: string): KeyPolicy | null {
  const document = parsedJson(text)
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return null
  const { Statement } = document as { readonly Statement?: unknown }
  const statements: readonly unknown[] = Array.isArray(Statement) ? Statement : [Statement]
  if (!statements.every((item) => typeof item === 'object' && item !== null)) return null
  return { document: document as Readonly<Record<string, unknown>>, statements: statements as KeyStatement[] }
}

const listOf = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String)

/**
 * What EC2 does with the key in the name of who launches or copies the image (EBS user guide: "Permissions to use KMS keys", EC2 user
 * guide: "Allow organizations and OUs to use a KMS key").
 */
const useActions = [
  'kms:Decrypt',
  'kms:DescribeKey',
  'kms:GenerateDataKeyWithoutPlaintext',
  'kms:ReEncryptFrom',
  'kms:ReEncryptTo',
] as const
const written = ['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKeyWithoutPlaintext', 'kms:ReEncrypt*']
const grantAction = 'kms:CreateGrant'

/** Without these nothing can be launched; one that is only needed for new volumes is not asked for. */
export const neededActions: readonly string[] = [
  ...useActions.filter((action) => action !== 'kms:GenerateDataKeyWithoutPlaintext'),
  grantAction,
]

/** "*" and "?" as policies have them; letters of actions in any case. */
const matches = (pattern: string, value: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  ).test(value)

function covers(statement: KeyStatement, action: string): boolean {
  const { Action, NotAction } = statement
  if (NotAction !== undefined) return !listOf(NotAction).some((pattern) => matches(pattern, action))
  return listOf(Action).some((pattern) => matches(pattern, action))
}

const principalsOf = ({ Principal }: KeyStatement): readonly string[] =>
  typeof Principal === 'string' ? [Principal] : listOf((Principal as { AWS?: unknown } | undefined)?.AWS)

/** True when the statement is for all of the account, by its number or its root. */
const namesAccount = (statement: KeyStatement, account: string): boolean =>
  principalsOf(statement).some((one) => one === account || one.endsWith(`:iam::${account}:root`))
const namesEverybody = (statement: KeyStatement): boolean => principalsOf(statement).includes('*')

/** Whether a value of aws:PrincipalOrgPaths covers all of the unit. */
const coversUnit = (path: string, organization: string, unit: string): boolean =>
  path === `${organization}/*` || (path.startsWith(`${organization}/`) && path.endsWith(`/${unit}/*`))

interface Condition {
  readonly operator: string
  /** In small letters. */
  readonly key: string
  readonly values: readonly string[]
}

const conditionsOf = ({ Condition }: KeyStatement): readonly Condition[] =>
  Object.entries((Condition ?? {}) as Record<string, Record<string, unknown>>).flatMap(([operator, keys]) =>
    Object.entries(keys).map(([key, value]) => ({ operator, key: key.toLowerCase(), values: listOf(value) })),
  )

/** What EC2 does for somebody, and where. */
interface Asked {
  readonly action: string
  readonly grantee: AwsGrantee
  readonly region: string
}

/** Whether a condition lets the grantee through when EC2 calls for it; one that is not known here does not. */
function letsThrough({ operator, key, values }: Condition, { action, grantee, region }: Asked): boolean {
  const plain = operator.replace(/^ForAnyValue:/, '').replace(/IfExists$/, '')
  // Calls that make no grant do not have that key at all.
  if (key === 'kms:grantisforawsresource')
    return action === grantAction
      ? plain === 'Bool' && values.some((value) => value.toLowerCase() === 'true')
      : operator === 'BoolIfExists'
  if (plain !== 'StringEquals' && plain !== 'StringLike') return false
  // To StringEquals a "*" is a letter like any other.
  const has = (wanted: string): boolean =>
    values.some((value) => (plain === 'StringLike' ? matches(value, wanted) : value === wanted))
  if (key === 'kms:viaservice') return has(`ec2.${region}.amazonaws.com`)
  if (key === 'kms:calleraccount' || key === 'aws:principalaccount')
    return grantee.kind === 'account' && has(grantee.account)
  if (key === 'aws:principalorgid') return 'organization' in grantee && has(grantee.organization)
  if (key === 'aws:principalorgpaths' && plain === 'StringLike') {
    if (grantee.kind === 'organization') return values.includes(`${grantee.organization}/*`)
    return (
      grantee.kind === 'unit' && values.some((value) => coversUnit(value, grantee.organization, grantee.unit))
    )
  }
  return false
}

/** Whether it lets all that the grantee stands for do it. What is not understood allows nothing. */
function allows(statement: KeyStatement, asked: Asked): boolean {
  const { grantee, action } = asked
  if (statement['Effect'] !== 'Allow' || statement['NotPrincipal'] !== undefined) return false
  if (!covers(statement, action)) return false
  if (!conditionsOf(statement).every((condition) => letsThrough(condition, asked))) return false
  if (grantee.kind === 'account' && namesAccount(statement, grantee.account)) return true
  return namesEverybody(statement)
}

export interface KeyUse {
  /** What the grantee lacks; empty when it can launch. Sorted. */
  readonly missing: readonly string[]
  /** A statement that denies it to all of the grantee, without any condition; null when none does. */
  readonly denied: string | null
  /** Statements that deny it to some of them, or under conditions which are not judged here, by their Sid. */
  readonly perhaps: readonly string[]
}

const nameOf = (statement: KeyStatement): string => String(statement['Sid'] ?? 'without a Sid')

/** What a key's policy lets a grantee do when EC2 calls for it in that region. */
export function keyUse({ statements }: KeyPolicy, grantee: AwsGrantee, region: string): KeyUse {
  const denies = statements.filter(
    (statement) =>
      statement['Effect'] === 'Deny' &&
      neededActions.some((action) => covers(statement, action)) &&
      (statement['NotPrincipal'] !== undefined ||
        namesEverybody(statement) ||
        (grantee.kind === 'account' &&
          principalsOf(statement).some(
            (one) => one === grantee.account || one.includes(`:${grantee.account}:`),
          ))),
  )
  const certain = denies.find(
    (statement) =>
      statement['Condition'] === undefined &&
      statement['NotPrincipal'] === undefined &&
      (namesEverybody(statement) || (grantee.kind === 'account' && namesAccount(statement, grantee.account))),
  )
  const missing = neededActions.filter(
    (action) => !statements.some((statement) => allows(statement, { action, grantee, region })),
  )
  return {
    missing: [...missing].sort(compare),
    denied: certain === undefined ? null : nameOf(certain),
    perhaps: denies.filter((statement) => statement !== certain).map(nameOf),
  }
}

const kinds = ['account', 'organization', 'unit'] as const
type Kind = (typeof kinds)[number]

const sidPrefix = 'MintmarkShare'

/** Of one image: a key may be that of several, and none of them takes what another gives. Letters and digits alone. */
function sidsOf(image: string): string {
  const plain = image.replace(/(?:^|[.-])([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  return `${sidPrefix}${plain}${sha256(image).slice(0, 8)}`
}
const isOurs = ({ Sid }: KeyStatement, prefix: string): boolean => String(Sid).startsWith(prefix)

const one = (values: readonly string[]): string | readonly string[] =>
  values.length === 1 ? (values[0] ?? '') : values

/**
 * Under which condition everybody is one of them. An organization can't be a principal; an account could, but KMS refuses the whole policy for one
 * that was closed, and nobody could be let in or put out any more.
 */
function whomOf(kind: Kind, grantees: readonly AwsGrantee[]): Readonly<Record<string, unknown>> {
  const texts = grantees.flatMap((grantee): readonly string[] => {
    if (grantee.kind !== kind) return []
    if (grantee.kind === 'account') return [grantee.account]
    if (grantee.kind === 'organization') return [grantee.organization]
    // Units below it count too, however deep it lies itself.
    return [`${grantee.organization}/*/${grantee.unit}/*`]
  })
  const values = one([...new Set(texts)])
  return {
    account: { StringEquals: { 'kms:CallerAccount': values } },
    organization: { StringEquals: { 'aws:PrincipalOrgID': values } },
    unit: { 'ForAnyValue:StringLike': { 'aws:PrincipalOrgPaths': values } },
  }[kind]
}

/** The statements that let these use the key for the image's instances and copies; none for nobody. */
export function shareStatements(image: string, grantees: readonly AwsGrantee[]): readonly KeyStatement[] {
  const sorted = [...grantees].sort(byPrincipal)
  const sids = sidsOf(image)
  const names = { account: 'Accounts', organization: 'Organizations', unit: 'Units' } as const
  return kinds.flatMap((kind): readonly KeyStatement[] => {
    if (!sorted.some((grantee) => grantee.kind === kind)) return []
    const condition = whomOf(kind, sorted)
    const common = { Effect: 'Allow', Principal: { AWS: '*' }, Resource: '*' }
    return [
      { Sid: `${sids}${names[kind]}Use`, ...common, Action: written, Condition: condition },
      {
        Sid: `${sids}${names[kind]}Grant`,
        ...common,
        Action: grantAction,
        // Grants for volumes, which EC2 makes; none that they think of.
        Condition: { ...condition, Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      },
    ]
  })
}

/** One value as a list of it, lists sorted: two that mean the same are equal, whatever KMS changed in their form. */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(meaning)
    return items.length === 1 ? items[0] : items.sort((a, b) => compare(canonicalJson(a), canonicalJson(b)))
  }
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, meaning(item)]))
  return value
}
const sameStatement = (a: unknown, b: unknown): boolean =>
  canonicalJson(meaning(a)) === canonicalJson(meaning(b))

export interface PolicyChange {
  readonly text: string
  readonly added: readonly KeyStatement[]
  readonly removed: readonly KeyStatement[]
}

/** The policy with exactly these as the image's grantees, everything else as it was; null when it is so already. */
export function withGrantees(
  policy: KeyPolicy,
  image: string,
  grantees: readonly AwsGrantee[],
): PolicyChange | null {
  const sids = sidsOf(image)
  const ours = policy.statements.filter((statement) => isOurs(statement, sids))
  const wanted = shareStatements(image, grantees)
  const isIn = (list: readonly KeyStatement[], item: KeyStatement): boolean =>
    list.some((other) => sameStatement(other, item))
  const added = wanted.filter((item) => !isIn(ours, item))
  const removed = ours.filter((item) => !isIn(wanted, item))
  if (added.length === 0 && removed.length === 0) return null
  const foreign = policy.statements.filter((statement) => !isOurs(statement, sids))
  return {
    text: JSON.stringify({ ...policy.document, Statement: [...foreign, ...wanted] }),
    added,
    removed,
  }
}

/** The policy without what we wrote, but for this image's: another one's may go any day, and is nothing to count on. */
export function withoutShares(policy: KeyPolicy, but: string | null): KeyPolicy {
  const kept = but === null ? null : sidsOf(but)
  const statements = policy.statements.filter(
    (statement) => !isOurs(statement, sidPrefix) || (kept !== null && isOurs(statement, kept)),
  )
  return { ...policy, statements }
}

/** Whom the image's own statements name, as plans do; `management` accounts are in no policy: any principal of these fits. */
export function granteesOf(policy: KeyPolicy, image: string, known: readonly string[]): readonly string[] {
  const sids = sidsOf(image)
  const ours = policy.statements.filter((statement) => isOurs(statement, sids))
  const conditions = ours.flatMap(conditionsOf)
  const accounts = conditions
    .filter(({ key }) => key === 'kms:calleraccount')
    .flatMap(({ values }) => values.map((account) => principalText({ kind: 'account', account })))
  const organizations = conditions.filter(({ key }) => /^aws:principalorg(?:id|paths)$/.test(key))
  const named = organizations
    .flatMap(({ values }) => values)
    .map((value) => {
      const [organization = '', ...rest] = value.split('/')
      const unit = rest.at(-2)
      const fits = known.find((principal) => {
        const grantee = granteeOf(principal)
        return unit === undefined
          ? grantee?.kind === 'organization' && grantee.organization === organization
          : grantee?.kind === 'unit' && grantee.unit === unit
      })
      const management = '000000000000'
      return (
        fits ??
        (unit === undefined
          ? principalText({ kind: 'organization', management, organization })
          : principalText({ kind: 'unit', management, organization, unit }))
      )
    })
  return [...new Set([...accounts, ...named])].sort(compare)
}
