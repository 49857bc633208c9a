import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  builtArtifact,
  failedStep,
  milestoneOf,
  parsePackerLine,
  spoken,
  tellingLines,
} from '../../pipeline/core/packer-output.ts'
import type { MintmarkError } from '../../pipeline/errors.ts'

const output = suite('packer-output')

output('a line of -machine-readable is taken apart', () => {
  assert.equal(
    parsePackerLine('1795319254,,ui,message,    qemu.image: 0 upgraded%!(PACKER_COMMA) 0 newly installed'),
    {
      kind: 'ui',
      level: 'message',
      text: '0 upgraded, 0 newly installed',
    },
  )
  assert.equal(parsePackerLine('1795319095,,ui,say,==> qemu.image: Waiting for SSH to become available...'), {
    kind: 'ui',
    level: 'say',
    text: 'Waiting for SSH to become available...',
  })
  assert.equal(parsePackerLine('1795319095,qemu.image,error,Script exited with non-zero exit status: 1'), {
    kind: 'error',
    text: 'Script exited with non-zero exit status: 1',
  })
  assert.is(parsePackerLine('1,,version,1.11.2').kind, 'other')
  assert.is(parsePackerLine('no commas').kind, 'other')
})

output('milestones are in the order in which Packer says them', () => {
  const said = [
    'Starting VM, booting disk image',
    'Waiting for SSH to become available...',
    'Provisioning with shell script: /x/guest/prepare.sh',
    'Provisioning with shell script: /x/guest/content.sh',
    'Provisioning with shell script: /x/guest/step.sh',
    'Provisioning with shell script: /x/guest/harden.sh',
    'Provisioning with shell script: /x/guest/reboot.sh',
    'Provisioning with shell script: /x/guest/check.sh',
    'Provisioning with shell script: /x/guest/seal.sh',
    'Gracefully halting virtual machine...',
    'Converting hard drive...',
  ]
  assert.equal(
    said.map((text) => milestoneOf(text)?.index),
    said.map((_, index) => index),
  )
  assert.is(milestoneOf('Running local shell script: /tmp/packer-shell1')?.name, 'running the steps')
  assert.is(milestoneOf('Setting up curl'), null)
})

output('the step that failed is named by its own last word', () => {
  const ui = (line: string) => parsePackerLine(`1,,ui,message,    ${line}`)
  assert.is(
    failedStep([
      ui('qemu.image: mintmark: step 1 of 2 (scripts/agent.sh)'),
      ui('qemu.image: step 2 of 2 (playbooks/a/site.yml) ended with exit code 2'),
      ui('qemu.image: bye'),
    ]),
    'step 2 of 2 (playbooks/a/site.yml) ended with exit code 2',
  )
  assert.is(failedStep([ui('qemu.image: mintmark: step 1 of 2 (scripts/agent.sh)')]), null)
})

output('what a cloud says on the way is a milestone too', () => {
  const said = (text: string) => {
    const event = parsePackerLine(`1,,ui,say,==> amazon-ebs.image: ${text}`)
    return event.kind === 'ui' ? milestoneOf(event.text)?.name : null
  }
  assert.is(said('Launching a source AWS instance...'), 'starting the machine')
  assert.is(said('Waiting for the instance to stop...'), 'shutting down')
  assert.is(said('Creating AMI mintmark/web/1.0.0/x86_64 from instance i-0'), 'keeping the disk')
})

output('our scripts speak for themselves', () => {
  assert.is(spoken('mintmark: installing 4 packages'), 'installing 4 packages')
  assert.is(spoken('Setting up curl'), null)
})

output('telling lines leave the chatter of apt out and keep the errors', () => {
  const ui = (level: 'message' | 'error', text: string) => ({ kind: 'ui', level, text }) as const
  const lines = tellingLines(
    [
      ui('message', 'Get:1 http://x'),
      ui('message', 'E: Unable to locate package nosuch'),
      ui('message', 'Setting up curl'),
      ui('error', 'Script exited with 100'),
    ],
    5,
  )
  assert.equal(lines, ['E: Unable to locate package nosuch', 'Script exited with 100'])
})

output('the artifact comes from the manifest', () => {
  const manifest = {
    builds: [{ builder_type: 'qemu', files: [{ name: '/o/image.qcow2', size: 5 }], artifact_id: 'VM' }],
    last_run_uuid: 'x',
  }
  assert.equal(builtArtifact(JSON.stringify(manifest)), { kind: 'file', path: '/o/image.qcow2' })
  const ami = (id: string) =>
    JSON.stringify({ builds: [{ builder_type: 'amazon-ebs', files: null, artifact_id: id }] })
  assert.equal(builtArtifact(ami('eu-west-1:ami-0123456789abcdef0')), {
    kind: 'image',
    id: 'eu-west-1:ami-0123456789abcdef0',
  })
  // One image in one region is what a build makes.
  for (const id of ['eu-west-1:ami-0a,us-east-1:ami-0b', '', 'ami-0a'])
    assert.throws(() => builtArtifact(ami(id)), 'names neither')
  try {
    builtArtifact(JSON.stringify({ builds: [{ builder_type: 'qemu', files: [] }] }))
    assert.unreachable()
  } catch (cause) {
    assert.is((cause as MintmarkError).code, 'BUILD_FAILED')
  }
})

output.run()
