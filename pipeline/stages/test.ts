import { join } from 'node:path'
import { bootFacts } from '../core/boot-facts.ts'
import { bootSecondsFact, slowerBoots } from '../core/boot-seconds.ts'
import { leftOutWithoutPeer } from '../core/link-facts.ts'
import { type AgainSeen, scenarioFacts } from '../core/scenario-facts.ts'
import { parseCheckReport } from '../core/ssh-answers.ts'
import { MintmarkError } from '../errors.ts'
import { TestReport } from '../model/stages.ts'
import { checkArtifact } from './check-artifact.ts'
import { variantAt } from './choose-target.ts'
import { earlierBoots } from './earlier-boots.ts'
import { keptDisk } from './kept-disk.ts'
import type { Stage } from './stage.ts'
import { lookAtBoot } from './test-facts.ts'
import { lookAtDisk } from './test-hygiene.ts'

const gib = 2 ** 30
/** The boots' disks are bigger than the image by this much, so that growing shows. */
const addedGiB = 1

/**
 * Two new instances of the image, one of which is upgraded and the other goes far into the future and gets a full disk; and the
 * disk itself. It reports facts and judges nothing.
 */
export const testStage: Stage<'test'> = {
  id: 'test',
  needs: ['render', 'build'],
  output: TestReport,
  async run(context) {
    const { world, definition, target, folder, step } = context
    const { files } = world
    context.need('render')
    const { artifact, accelerator } = context.need('build')
    const subject = artifact.sha256
    await checkArtifact(context, artifact)

    const work = join(folder, 'test')
    const consoles = join(folder, 'consoles')
    await files.makeFolder(consoles, { mode: 0o700 })
    const diskGiB = Math.ceil(artifact.virtualBytes / gib) + addedGiB
    const excepted = definition.hardening.exceptions.map(({ control }) => control)
    const run = context.runId
      .toLowerCase()
      .replace(/[^a-z0-9]/g, '')
      .slice(-8)
    step.update('2 new instances, waiting for a login')
    const logins: number[] = []
    const boot = (name: string, scenario: 'upgrade' | 'later') =>
      lookAtBoot({
        world,
        target,
        definition,
        artifact,
        instance: `mm-${run}-${name}`,
        run: { image: context.image, runId: context.runId, version: context.version },
        folder: join(work, `boot-${name}`),
        consoleLog: join(consoles, `boot-${name}.log`),
        diskGiB,
        scenario,
        onLogin: (seconds) => {
          logins.push(seconds)
          step.update(
            `${logins.length} of 2 instances answered, looking at them; then an upgrade, a later year, a full disk`,
          )
        },
      })
    // All end before an error is passed on: no machine may outlive its folder.
    const [a, b, sealed] = await Promise.allSettled([
      boot('a', 'upgrade'),
      boot('b', 'later'),
      lookAtDisk({
        world,
        target,
        artifact,
        folder: join(work, 'disk'),
        keep: keptDisk(folder),
        buildKey: join(folder, 'build-key.pub'),
        check: join(folder, 'bundle', 'guest', 'mintmark-check'),
        excepted,
        repos: definition.content.repos.map(({ url }) => url),
        placed: definition.content.files.map(({ to }, index) => ({
          to,
          source: join(folder, 'bundle/content/files', String(index)),
        })),
      }),
    ])
    await files.remove(work)
    for (const result of [a, b, sealed]) if (result.status === 'rejected') throw result.reason
    if (a.status === 'rejected' || b.status === 'rejected' || sealed.status === 'rejected') {
      throw new MintmarkError('INTERNAL', 'a look at the image ended without a result')
    }
    const boots = [a.value.boot, b.value.boot]
    const { upgraded } = a.value
    const { later } = b.value
    const powerOns = [
      ...boots.map((seen) => ({ ...seen, purpose: 'new' as const })),
      ...again(boots[0]?.instance, 'upgraded', upgraded?.reboot),
      // A clock that was moved in a running machine took no power-on.
      ...again(boots[1]?.instance, 'later', later?.moved === true ? null : later?.again),
      ...again(boots[1]?.instance, 'full', later?.today),
    ]
    const user = target.loginUser(definition)
    const times = {
      accelerator,
      seconds: boots.flatMap(({ secondsToLogin }) => (secondsToLogin === null ? [] : [secondsToLogin])),
    }
    const earlier = await earlierBoots(world, context.image, variantAt(target))
    const slow = slowerBoots(times, earlier)
    if (slow !== null) world.report.warn(slow)
    for (const path of sealed.value.changed)
      world.report.warn(
        `${path} is not what images/${context.image}.yaml puts there: a step or the hardening changed it`,
      )

    await checkArtifact(context, artifact, 'was changed while it was tested')
    const facts = [
      ...bootFacts(boots, {
        user,
        image: context.image,
        version: context.version,
        ports: definition.content.ports,
        imageBytes: artifact.virtualBytes,
        excepted,
        tests: definition.test,
        machine: definition.machine,
        peer: target.capabilities.link,
      }),
      ...scenarioFacts({ upgraded, later }, { user }),
      bootSecondsFact(times, earlier),
      ...sealed.value.facts,
    ]
    const leftOut = target.capabilities.link ? [] : leftOutWithoutPeer
    return {
      output: {
        subject,
        facts,
        ...(leftOut.length === 0 ? {} : { notLookedAt: [...leftOut] }),
        boots: powerOns.flatMap(({ instance, secondsToLogin, purpose }) =>
          secondsToLogin === null ? [] : [{ instance, secondsToLogin, purpose }],
        ),
        controls: [
          ...boots.map(({ answers }, at) => ({
            where: at === 0 ? 'boot-a' : 'boot-b',
            results: parseCheckReport(answers['check']?.text ?? '')?.results ?? [],
          })),
          { where: 'sealed', results: [...sealed.value.results] },
        ],
      },
      line: summary(
        facts.length,
        facts.filter(({ status }) => status !== 'pass').length,
        boots.map(({ secondsToLogin }) => secondsToLogin),
        powerOns.length,
        leftOut.map(({ id }) => id),
      ),
    }
  },
}

/** Another power-on of an instance; none when it did not come to that. */
function again<P extends string>(
  instance: string | undefined,
  purpose: P,
  seen: AgainSeen | null | undefined,
): readonly { readonly instance: string; readonly secondsToLogin: number | null; readonly purpose: P }[] {
  return instance === undefined || seen === null || seen === undefined
    ? []
    : [{ instance, secondsToLogin: seen.secondsToLogin, purpose }]
}

function summary(
  facts: number,
  bad: number,
  logins: readonly (number | null)[],
  boots: number,
  leftOut: readonly string[],
): string {
  const came = logins.filter((seconds) => seconds !== null).map((seconds) => `${Math.round(seconds)} s`)
  const login = came.length === 0 ? 'no login' : `login after ${came.join(' and ')}`
  const others = bad === 0 ? '' : `, ${bad} not as expected`
  const not = leftOut.length === 0 ? '' : ` · not looked at here: ${leftOut.join(', ')}`
  return `${boots} boots, ${facts} facts${others} · ${login}${came.length === 1 ? ', the other never' : ''}${not}`
}
