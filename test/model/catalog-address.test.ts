import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isS3Address, parseS3Address } from '../../pipeline/model/catalog-address.ts'

const address = suite('catalog-address')

address('a bucket, with or without a prefix', () => {
  assert.equal(parseS3Address('s3://images'), { bucket: 'images', prefix: '' })
  assert.equal(parseS3Address('s3://images/'), { bucket: 'images', prefix: '' })
  assert.equal(parseS3Address('s3://a.b-1/team/a_b=c.d/'), { bucket: 'a.b-1', prefix: 'team/a_b=c.d' })
})

address('nothing that leads elsewhere, or that is read in two ways', () => {
  const bad = [
    's3://',
    's3:x',
    's3://UP',
    's3://a',
    's3://-a',
    's3://b/../c',
    's3://b//c',
    's3://b/.c',
    's3://b/c d',
    's3://b/c?x=1',
    's3://u:p@b/c',
    's3://b/c\n',
    'https://b',
  ]
  for (const text of bad) assert.is(parseS3Address(text), null, text)
})

address('folders are none', () => {
  for (const text of ['/srv/s3', 'catalog', './s3', '/s3://x']) assert.not.ok(isS3Address(text), text)
  assert.ok(isS3Address('s3:/typo'), 'and is then told that it is not well written')
})

address('what is parsed is written back the same', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (bucket, prefix) => {
      const parsed = parseS3Address(`s3://${bucket}/${prefix}`)
      if (parsed === null) return
      const again = `s3://${parsed.bucket}${parsed.prefix === '' ? '' : `/${parsed.prefix}`}`
      assert.equal(parseS3Address(again), parsed)
      assert.not.match(again, /\.\.\/|\/\/.*\/\//)
    }),
  )
})

address.run()
