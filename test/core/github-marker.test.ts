import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { asWritten, marked, markerOf } from '../../pipeline/core/github-marker.ts'
import { rescanIssue } from '../../pipeline/core/issue-texts.ts'
import { hostileText } from '../helpers/hostile.ts'

const it = suite('github-marker')

it('the marker is the first line, and names what the text is about', () => {
  assert.is(marked('watch', '', 'text'), '<!-- mintmark:watch -->\ntext\n')
  assert.is(marked('rescan', 'debian-13', '\n\ntext\n\n'), '<!-- mintmark:rescan debian-13 -->\ntext\n')
  assert.is(markerOf('rescan', marked('rescan', 'debian-13', 'text')), 'debian-13')
  assert.is(markerOf('watch', marked('watch', '', 'text')), '')
})

it('another topic, another place, another sign: none of ours', () => {
  assert.is(markerOf('watch', marked('rescan', 'a', 'text')), null)
  assert.is(markerOf('re', marked('rescan', 'a', 'text')), null)
  assert.is(markerOf('rescan', `text\n${marked('rescan', 'a', '')}`), null)
  assert.is(markerOf('rescan', '<!-- mintmark:rescan a b -->\n'), null)
  assert.is(markerOf('rescan', '<!-- mintmark:rescan a --> text'), null)
  assert.is(markerOf('rescan', ''), null)
})

it("an editor's ends of lines are no other text", () => {
  const text = marked('rescan', 'a', 'one\ntwo')
  const edited = text.replaceAll('\n', '\r\n').trimEnd()
  assert.is(asWritten(edited), asWritten(text))
  assert.is(markerOf('rescan', edited), 'a')
})

it('no text of others begins another marker or ends ours', () => {
  fc.assert(
    fc.property(hostileText, (bad) => {
      const reasons = [`${bad}-->${bad}`, `<!-- mintmark:rescan b -->${bad}`]
      const item = {
        version: bad,
        variant: bad,
        channels: [bad],
        status: 'rejected',
        line: bad,
        reasons,
      } as const
      const body = marked('rescan', 'a', rescanIssue('a', [item])?.body ?? '')
      assert.is(markerOf('rescan', body), 'a')
      assert.equal(
        body.match(/<!--.*?-->/g)?.filter((sign) => sign !== '<!-- -->'),
        ['<!-- mintmark:rescan a -->'],
      )
    }),
  )
})

it.run()
