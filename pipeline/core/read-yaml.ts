import {
  type Document,
  isAlias,
  isNode,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml'
import { showValue, visible } from './show-value.ts'

/** What is wrong at an offset of the text. */
export interface YamlProblem {
  readonly offset: number
  readonly text: string
}

export interface ReadYaml {
  /** Null when the text is not worth parsing. */
  readonly document: Document<ParsedNode> | null
  readonly lines: LineCounter
  readonly problems: readonly YamlProblem[]
}

const maxBytes = 1024 * 1024
const maxDepth = 100

/** Where the text goes deeper than anything that people write; the parser would run out of stack there. */
function tooDeepAt(text: string): number | null {
  const line = /^ {200,}[^ \n#]|^ *(?:[-?:] +){50}/m.exec(text)
  if (line !== null) return line.index
  let depth = 0
  for (const match of text.matchAll(/[[\]{}]/g)) {
    depth = /[[{]/.test(match[0]) ? depth + 1 : Math.max(0, depth - 1)
    if (depth > maxDepth) return match.index
  }
  return null
}

/** The first reason, if any, why this is no text to parse at all. */
function unreadable(text: string): YamlProblem | null {
  if (text.length > maxBytes)
    return {
      offset: 0,
      text: `the file has ${(text.length / maxBytes).toFixed(1)} MiB, at most 1 MiB is read: put long texts into files of their own`,
    }
  if (text.startsWith('\uFEFF'))
    return { offset: 0, text: 'the file begins with a byte order mark: save it as UTF-8 without BOM' }
  const broken = text.indexOf('\uFFFD')
  if (broken >= 0) return { offset: broken, text: 'this is not UTF-8: save the file as UTF-8' }
  const control = /(?![\t\n\r])\p{Cc}/u.exec(text)
  if (control !== null)
    return {
      offset: control.index,
      text: `there is a control character (${visible(control[0])}) here: remove it`,
    }
  const deep = tooDeepAt(text)
  if (deep !== null)
    return { offset: deep, text: `nested more than ${maxDepth} levels deep: a bracket may not be closed` }
  return null
}

const advice: Partial<Record<YAMLError['code'], string>> = {
  ALIAS_PROPS: 'an alias (*) is not read here: write the value out',
  BAD_ALIAS: 'an alias (*) is not read here: write the value out, or in quotes when it begins with "*"',
  BAD_COLLECTION_TYPE: 'a tag (!) is not read here: remove it',
  BAD_DIRECTIVE: 'a line that begins with "%" is not read here: remove it',
  BAD_DQ_ESCAPE: 'this "\\" sequence is not known in double quotes: write "\\\\", or use single quotes',
  BAD_SCALAR_START: 'a value can not begin with this character: write it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second ":" in one line: write a text that has ": " in it in quotes',
  MULTILINE_IMPLICIT_KEY: 'a name and its ":" must be on one line: a ":" or a closing quote may be missing',
  MULTIPLE_DOCS: 'a second document begins here: one file holds one, remove the line "---"',
  TAB_AS_INDENT: 'a tab at the beginning of a line: indent with spaces',
  TAG_RESOLVE_FAILED: 'a tag (!) is not read here: remove it, or write a text that begins with "!" in quotes',
}

function textOf(error: YAMLError): string {
  const known = advice[error.code]
  if (known !== undefined) return known
  const [first = ''] = error.message.split('\n')
  const said = visible(first.replace(/ at line \d+, column \d+:?$/, ''))
  if (/end with a [\]}]/.test(said))
    return `a "[" or "{" above is not closed: expected "${/end with a (.)/.exec(said)?.[1] ?? ']'}" before this place, or more indentation`
  if (/block-seq-ind on same line/.test(said))
    return 'a list item after a name: begin the "- " on the next line'
  if (/Missing closing/.test(said)) return 'a quote that was opened above is not closed'
  if (/must start at the same column|less indented|Block scalar/.test(said))
    return 'this line is indented otherwise than its neighbours: fields that belong together begin in the same column'
  if (/need to be followed by map values/.test(said))
    return 'a ":" and a space are missing after the name, or this line is indented wrongly'
  if (error.code === 'UNEXPECTED_TOKEN')
    return `this does not belong here: look for a bracket or quote too many, or wrong indentation (${said})`
  return `this is no YAML that is read here: ${said}`
}

/** One mistake often makes several errors on a line; the first of a line tells it. */
function syntaxProblems(errors: readonly YAMLError[], lines: LineCounter): readonly YamlProblem[] {
  const seen = new Set<number>()
  // What follows a tab is read with a wrong indentation.
  const tabs = errors.filter((error) => error.code === 'TAB_AS_INDENT')
  return (tabs.length > 0 ? tabs : errors).flatMap((error) => {
    const [offset] = error.pos
    const { line } = lines.linePos(offset)
    if (seen.has(line)) return []
    seen.add(line)
    return [{ offset, text: textOf(error) }]
  })
}

/** What YAML allows and these files do without: they must read the same for everybody, line by line. */
function refusedFeatures(document: Document<ParsedNode>, lines: LineCounter): readonly YamlProblem[] {
  const found: YamlProblem[] = []
  if (document.directives?.yaml.explicit === true)
    found.push({ offset: 0, text: 'a line that begins with "%" is not read here: remove it' })
  visit(document, {
    Node(_, node) {
      const offset = node.range?.[0] ?? 0
      if (isAlias(node))
        found.push({
          offset,
          text: 'an alias (*) is not read here: write the value out, or in quotes when it begins with "*"',
        })
      else if (node.anchor !== undefined)
        found.push({ offset, text: 'an anchor (&) is not read here: remove it and write values out' })
      else if (node.tag !== undefined)
        found.push({ offset, text: 'a tag (!!) is not read here: remove it; a text goes in quotes' })
    },
    Map(_, map) {
      const firsts = new Map<string, number>()
      for (const { key } of map.items) {
        const offset = isNode(key) ? (key.range?.[0] ?? 0) : 0
        if (!isScalar(key)) {
          found.push({
            offset,
            text: 'a list or a group of fields stands where a name belongs: write NAME: value',
          })
          continue
        }
        const name = String(key.value)
        const first = firsts.get(name)
        if (name === '<<')
          found.push({ offset, text: 'a merge key (<<) is not read here: write the fields out' })
        else if (key.value === null || name === '')
          found.push({ offset, text: 'a name is missing before ":"' })
        else if (first !== undefined)
          found.push({
            offset,
            text: `${visible(name)} is given twice: it stands in line ${lines.linePos(first).line} already, keep one of the two`,
          })
        else firsts.set(name, offset)
      }
    },
  })
  return found
}

/** Parses the text of one YAML 1.2 document without aliases, anchors, tags and merge keys. */
export function readYaml(text: string): ReadYaml {
  const lines = new LineCounter()
  const early = unreadable(text)
  if (early !== null) {
    lines.lineStarts = [0, ...[...text.slice(0, early.offset).matchAll(/\n/g)].map(({ index }) => index + 1)]
    return { document: null, lines, problems: [early] }
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: false,
    merge: false,
    version: '1.2',
  })
  if (lines.lineStarts.length === 0) lines.lineStarts = [0]
  const errors = [...document.errors, ...document.warnings]
  if (errors.some((error) => error.code === 'RESOURCE_EXHAUSTION'))
    return { document: null, lines, problems: [{ offset: 0, text: 'nested too deep to be read' }] }
  if (errors.length > 0) return { document: null, lines, problems: syntaxProblems(errors, lines) }
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    return {
      document: null,
      lines,
      problems: [{ offset: 0, text: 'the file is empty: expected lines of NAME: value' }],
    }
  if (isScalar(document.contents))
    return {
      document: null,
      lines,
      problems: [
        {
          offset: document.contents.range?.[0] ?? 0,
          text: `the file holds only ${showValue(document.contents.value)}: expected lines of NAME: value, with a space after the ":"`,
        },
      ],
    }
  return { document, lines, problems: refusedFeatures(document, lines) }
}
