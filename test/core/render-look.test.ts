import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { lacking, type ReviewPage, reviewMarkdown } from '../../pipeline/core/render-look.ts'

const it = suite('the page of a reviewer')

const need = (name: string, met: boolean, text: string, mend: string | null = null) => ({
  name,
  met,
  text,
  mend,
})

const page: ReviewPage = {
  image: 'web',
  version: '1.2.0',
  channel: 'stable',
  by: '<b>@mallory</b>',
  digest: 'a'.repeat(64),
  needs: [
    need('complete', true, 'qemu-x86_64'),
    need('soak', false, '48h in nightly are not over', 'promote it after 2026-11-25T03:00:00.000Z'),
    need('approvals', false, '0 of 1: nobody approved this diff', 'somebody else looks'),
  ],
  notes: ['stable was rolled back from 1.2.0: | <img src=x>'],
  share: {
    plan: { actions: [], digest: 'b'.repeat(64) },
    problems: [{ why: 'the events of web@1.0.0: <script>' }],
    notes: [],
    besides: [],
  },
  diffs: [],
}

it('says what it lacks, by whom it was asked for, and both digests; nothing of it is markup', () => {
  assert.equal(lacking(page.needs), ['soak'])
  assert.is(
    reviewMarkdown(page),
    `# web&#64;1.2.0 for stable

Asked for by &lt;b&gt;&#64;mallory&lt;/b&gt;, who can't approve it. Who lets the next job in accepts exactly what is on this page, by two digests, and is told so in the release's history:

- diff \`sha256:${'a'.repeat(64)}\`
- sharing \`${'b'.repeat(64)}\`

### What stable needs

| | what | |
|---|---|---|
| ✓ | complete | qemu-x86\\_64 |
| ✗ | soak | 48h in nightly are not over |
| · | approvals | 0 of 1: nobody approved this diff |

**It would be refused now: soak.**
- promote it after 2026-11-25T03:00:00.000Z

Note: stable was rolled back from 1.2.0: &#124; &lt;img src=x&gt;

### Sharing of web

Nobody is named, and nobody has it.

Nothing to do.

the events of web&#64;1.0.0: &lt;script&gt;
`,
  )
})

it('where nothing is lacking nothing is said of it', () => {
  const text = reviewMarkdown({ ...page, needs: page.needs.filter(({ name }) => name !== 'soak') })
  assert.not.match(text, /would be refused/)
  assert.not.match(text, /somebody else looks/)
})

it.run()
