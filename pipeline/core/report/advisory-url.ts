/** Shapes that are safe in a path or a query: anything else gets no link. */
const cve = /^CVE-\d{4}-\d{4,}$/
const debian = /^(?:DSA|DLA)-\d+(?:-\d+)?$|^TEMP-\d+-[0-9A-F]+$/
const github = /^GHSA(?:-[0-9a-z]{4}){3}$/

/** The page of the publisher who answers for an advisory; null for an id of a shape that nobody is known to publish. */
export function advisoryUrl(id: string, family: string): string | null {
  if (debian.test(id) || (cve.test(id) && family === 'debian'))
    return `https://security-tracker.debian.org/tracker/${id}`
  if (cve.test(id)) return `https://www.cve.org/CVERecord?id=${id}`
  if (github.test(id)) return `https://github.com/advisories/${id}`
  return null
}
