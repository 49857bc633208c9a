import type { Exception } from '../model/definition.ts'
import type { GateReason } from '../model/gate.ts'
import type { ControlResult } from '../model/hardening.ts'
import type { Fact } from '../model/stages.ts'
import { bornOf, nameOfBase } from './base-facts.ts'
import { isScanned } from './canary.ts'
import { ageHours, dayHolds, isFresh } from './days.ts'
import { canonicalJson } from './digest.ts'
import type { Commands, GateInput } from './evaluate-gate-input.ts'
import { compare, grouped, listed, unique } from './lists.ts'
import { systemOf } from './systems.ts'

function subjectReasons({ build, test, scan }: GateInput, { rebuild }: Commands): GateReason[] {
  const expected = build.artifact.sha256
  return [
    { stage: 'test', digest: test.subject },
    { stage: 'scan', digest: scan.subject },
  ].flatMap(({ stage, digest }) =>
    digest === expected
      ? []
      : [
          {
            kind: 'subject' as const,
            id: stage,
            text: `the ${stage} stage looked at sha256:${digest}, the build made sha256:${expected}`,
            mend: `${rebuild} --fresh`,
          },
        ],
  )
}

/** Who counts the packages of a system, for people. */
const bookOf = (os: GateInput['definition']['os']): string =>
  systemOf(os)?.manager === 'dnf' ? 'rpm' : 'dpkg'

function systemReasons({ definition, base, scan }: GateInput, commands: Commands): GateReason[] {
  const reasons: GateReason[] = []
  const wanted = `${definition.os.family} ${definition.os.release}`
  const found = scan.os.family === '' ? 'no system' : `${scan.os.family} ${scan.os.release}`
  if (!isScanned(scan.os, definition.os)) {
    reasons.push({
      kind: 'os',
      id: 'scan',
      text: `the scanner recognised ${found}, the definition says ${wanted}`,
      mend: `${commands.rebuild} --fresh`,
    })
  }
  if (base.distribution !== definition.os.family || base.release !== definition.os.release) {
    reasons.push({
      kind: 'os',
      id: 'base',
      text: `the base is ${base.distribution} ${base.release}, the definition says ${wanted}`,
      mend: commands.baseUpdate,
    })
  }
  const { trivy, dpkg } = scan.packages
  if (trivy !== dpkg || dpkg === 0) {
    reasons.push({
      kind: 'package-count',
      id: 'packages',
      text: `the scanner saw ${trivy} packages, ${bookOf(definition.os)} has ${dpkg}`,
      mend: `${commands.rebuild} --fresh`,
    })
  }
  return reasons
}

function databaseReasons({ policy, scan, now }: GateInput, { rebuild }: Commands): GateReason[] {
  const { database } = scan
  if (database === null) return []
  const reasons: GateReason[] = []
  if (!database.canary) {
    reasons.push({
      kind: 'canary',
      id: 'canary',
      text: `the database ${database.source} has no advisories for this release: "nothing found" would mean nothing`,
      mend: `${rebuild} --trivy-db REFERENCE, with a database that covers it`,
    })
  }
  const age = ageHours(database.updated, now)
  if (!isFresh(database.updated, now, policy.maxDatabaseAgeHours)) {
    reasons.push({
      kind: 'stale-database',
      id: 'database',
      text:
        age < 0
          ? `the database is of ${database.updated}, which is in the future: a clock is wrong`
          : `the database is of ${database.updated}, older than ${policy.maxDatabaseAgeHours} hours`,
      mend: `${rebuild} --trivy-db REFERENCE, with a newer one`,
    })
  }
  return reasons
}

function secretReasons({ policy, scan }: GateInput, { rebuild }: Commands): GateReason[] {
  if (!policy.rejectSecrets) return []
  return grouped(scan.secrets, ({ path }) => path).map(([path, rows]) => ({
    kind: 'secret',
    id: path,
    text: `${listed(unique(rows.map(({ rule }) => rule)))} in /${path}`,
    mend: `remove what writes /${path} (dpkg -S /${path} names its package), then ${rebuild}`,
  }))
}

interface Seen {
  readonly where: string
  readonly result: ControlResult
}

const byText = (a: Exception, b: Exception): number => compare(canonicalJson(a), canonicalJson(b))

/** Failed controls, and the exceptions that cover some of them. */
export function controlReasons(
  input: GateInput,
  commands: Commands,
): { reasons: GateReason[]; excepted: Exception[] } {
  const { build, test, definition, now } = input
  const phases = [{ where: 'build', results: build.controls }, ...test.controls]
  const exceptions = [...definition.hardening.exceptions].sort(byText)
  const reasons: GateReason[] = []
  // No result is not a good result. The build alone may have none, for a profile may hold only in the sealed image.
  const empty = test.controls.filter(({ results }) => results.length === 0)
  for (const where of unique(empty.map((phase) => phase.where))) {
    reasons.push({
      kind: 'control',
      id: where,
      text: `no control was checked in phase ${where}`,
      mend: commands.rebuild,
    })
  }
  if (test.controls.length === 0) {
    reasons.push({
      kind: 'control',
      id: 'test',
      text: 'no control was checked on the booted image',
      mend: commands.rebuild,
    })
  }
  const seen = phases.flatMap(({ where, results }) => results.map((result): Seen => ({ where, result })))
  const failed = seen.filter(({ result }) => result.status === 'fail' || result.status === 'error')
  const excepted = new Set<Exception>()
  for (const [control, rows] of grouped(failed, ({ result }) => result.control)) {
    const covering = exceptions.find(
      (exception) => exception.control === control && dayHolds(exception.expires, now),
    )
    if (covering !== undefined) {
      excepted.add(covering)
      continue
    }
    const texts = grouped(
      rows,
      ({ result }) =>
        `${result.status === 'error' ? 'could not be checked, ' : ''}expected ${result.expected}, found ${result.found}`,
    ).map(([text, same]) => `${text} (${unique(same.map(({ where }) => where)).join(', ')})`)
    reasons.push({
      kind: 'control',
      id: control,
      text: listed(unique(texts), 3),
      mend: `./mintmark explain ${control}`,
    })
  }
  return { reasons, excepted: [...excepted].sort((a, b) => compare(a.control, b.control)) }
}

function exceptionReasons({ definition, image, now }: GateInput): GateReason[] {
  const expired = definition.hardening.exceptions.filter((exception) => !dayHolds(exception.expires, now))
  return grouped(expired, ({ control }) => control).map(([control, rows]) => ({
    kind: 'exception',
    id: control,
    text: `the exception of ${listed(unique(rows.map(({ owner }) => owner)))} expired on ${listed(unique(rows.map(({ expires }) => expires)))}`,
    mend: `renew or remove it in images/${image}.yaml`,
  }))
}

function factReasons({ test }: GateInput, { rebuild }: Commands): GateReason[] {
  if (test.facts.length === 0) {
    return [
      { kind: 'fact', id: 'test', text: 'the test stage told nothing about the booted image', mend: rebuild },
    ]
  }
  const bad = test.facts.filter(({ status }) => status !== 'pass')
  const say = (fact: Fact): string =>
    fact.status === 'unknown'
      ? `${fact.title}: could not be looked at (${fact.found})`
      : `${fact.title}: expected ${fact.expected}, found ${fact.found}`
  return grouped(bad, ({ id }) => id).map(([id, rows]) => ({
    kind: 'fact',
    id,
    text: listed(unique(rows.map(say)), 3),
    mend: `see test.json and the console logs in the run folder, then ${rebuild}`,
  }))
}

function baseReasons({ base, definition, now }: GateInput, commands: Commands): GateReason[] {
  const days = Number.parseInt(definition.base.maxAge, 10)
  const born = bornOf(base)
  const age = ageHours(born, now)
  if (isFresh(born, now, days * 24)) return []
  const what = base.from === 'archive' ? 'the base' : `the base ${nameOfBase(base)}`
  const text =
    age < 0
      ? `${what} is of ${born}, which is in the future: a clock is wrong`
      : `${what} is of ${born}, older than ${definition.base.maxAge}`
  const mend = base.from === 'parent' ? `./mintmark release ${base.image}` : commands.baseUpdate
  return [{ kind: 'base-age', id: 'base', text, mend }]
}

/** All that speaks against an image but its findings and its controls. */
export const factReasonsOf = (input: GateInput, commands: Commands): readonly GateReason[] => [
  ...subjectReasons(input, commands),
  ...systemReasons(input, commands),
  ...databaseReasons(input, commands),
  ...secretReasons(input, commands),
  ...factReasons(input, commands),
  ...exceptionReasons(input),
  ...baseReasons(input, commands),
]
