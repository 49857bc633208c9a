import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loadDefinition } from '../../../pipeline/stages/load-definition.ts'
import { renderStage } from '../../../pipeline/stages/render.ts'
import { aws } from '../../../pipeline/targets/aws/aws.ts'
import { withImages } from '../../helpers/images-folder.ts'
import { plainDefinition } from '../../helpers/plain-definition.ts'
import { testWorld } from '../../helpers/world.ts'

const template = suite('template of aws')

/** Renders and validates the fixture, with its network as given; the source that Packer took. */
async function validated(network: string): Promise<string> {
  const box = await testWorld()
  try {
    const plain = await withImages(box.world, box.folder, 'cloud', 'cloud')
    const path = join(plain.places.root, 'images/cloud.yaml')
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('network: {from: ["127.0.0.1/32"]}', `network: ${network}`))
    // Whoever would call AWS while a bundle is only looked at would be refused here.
    const world = { ...plain, env: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' } }
    const folder = join(box.folder, 'run')
    await renderStage.run({
      world,
      image: 'cloud',
      definition: await loadDefinition(world, 'cloud'),
      target: aws,
      folder,
      runId: 'run-1',
      version: '1.0.0',
      seconds: {},
      options: { trivyDb: null, knownExploited: null, emergency: null },
      step: world.report.step('render'),
      need: () => {
        throw new Error('nothing is needed')
      },
    })
    const source = await readFile(join(folder, 'bundle/source.pkr.hcl'), 'utf8')
    for (const said of ['127.0.0.1', 'run-1', '1.0.0', box.folder]) assert.not.ok(source.includes(said), said)
    return source
  } finally {
    await box.close()
  }
}

template(
  'Packer and its plugin take what is rendered, without a network and without credentials',
  async () => {
    const source = await validated('{from: ["127.0.0.1/32"]}')
    assert.match(source, /^ {2}ssh_interface += ""$/m)
    assert.not.match(source, /ami_users|ami_regions|access_key|secret_key|source_ami_filter/)
  },
)

template('the same for a subnet, and for Session Manager', async () => {
  const source = await validated(
    '{subnet: subnet-0abc1234def567890, sessionManager: true, instanceProfile: ssm-core, from: ["127.0.0.1/32"]}',
  )
  assert.match(source, /^ {2}ssh_interface += "session_manager"$/m)
  assert.match(source, /^ {2}instance_profile += "ssm-core"$/m)
  assert.match(source, /^ {2}subnet += "subnet-0abc1234def567890"$/m)
})

template("the key of the build's region is the one that Packer encrypts with", () => {
  const target = {
    account: '123456789012',
    build: { region: 'eu-west-1' },
    regions: ['eu-west-1'],
    encrypt: { key: 'alias/golden', regions: { 'eu-west-1': 'alias/eu' } },
  }
  const definition = plainDefinition({ base: { from: 'image' }, targets: { aws: target } })
  assert.is(aws.sourceInput(definition).values['kmsKey'], 'alias/eu')
})

template.run()
