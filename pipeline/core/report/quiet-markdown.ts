/** Nothing when it is shown, and yet between two signs: GitHub looks for names and numbers after it has read the Markdown. */
const gap = '<!-- -->'

/**
 * Markdown for an issue, a comment, a request or a release, whose readers are told of what it names: in its text nobody is mentioned, no
 * issue is linked or closed, and no address of others becomes a link. Our own links (`[text](address)`) and code stay as they are.
 * Escapes alone do not help there: `&#64;name` and `\#1` are a mention and a link once they are read.
 */
export const quietMarkdown = (markdown: string): string =>
  markdown
    .split(/(`[^`\n]*`)/)
    .map((part, index) =>
      index % 2 === 1
        ? part
        : part
            .replace(/@|&#64;|&commat;/g, (sign) => `${sign}${gap}`)
            .replace(/(?<!&)#(?=[\\\w])/g, `#${gap}`)
            .replace(/(gh-)(?=\d)/gi, `$1${gap}`)
            .replace(/(?<!(?<!\\)\]\(|<)(https?|ftp):(?=\/\/)/gi, `$1:${gap}`)
            .replace(/(www)(?=\.)/gi, `$1${gap}`),
    )
    .join('')
