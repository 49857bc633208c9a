import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface AwsRequest {
  /** ec2, ssm, sts, as the signature names the service. */
  readonly service: string
  /** DescribeImages, ... */
  readonly operation: string
  readonly region: string
  /** Id of the key that signed. */
  readonly key: string
  /** Of a query, or of a document. */
  readonly input: Readonly<Record<string, unknown>>
}

export interface AwsAnswer {
  readonly status?: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds before it answers. */
  readonly after?: number
}

export interface AwsAnswers {
  readonly endpoint: string
  readonly requests: AwsRequest[]
  close(): Promise<void>
}

/** An answer of EC2 or STS that says no. */
export const queryError = (code: string, message = 'no', status = 400): AwsAnswer => ({
  status,
  body: `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>r</RequestID></Response>`,
})

/** The same of STS. */
export const stsError = (code: string, message = 'no', status = 403): AwsAnswer => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
})

/** The same of services that talk JSON. */
export const jsonError = (code: string, message = 'no', status = 400): AwsAnswer => ({
  status,
  body: JSON.stringify({ __type: `com.amazonaws.some#${code}`, message }),
  headers: { 'content-type': 'application/x-amz-json-1.1' },
})

function readRequest(headers: IncomingHttpHeaders, body: string): AwsRequest {
  const [, key = '', region = '', service = ''] =
    /Credential=([^/]+)\/\d+\/([^/]+)\/([^/]+)\//.exec(headers.authorization ?? '') ?? []
  const target = headers['x-amz-target']
  if (typeof target === 'string')
    return {
      service,
      region,
      key,
      operation: target.split('.').at(-1) ?? '',
      input: JSON.parse(body) as Readonly<Record<string, unknown>>,
    }
  const input = Object.fromEntries(new URLSearchParams(body))
  return { service, region, key, operation: input['Action'] ?? '', input }
}

/** A server of AWS's protocols on 127.0.0.1 that says what it is told to: for answers that no emulator gives when asked to. */
export async function startAwsAnswers(
  answer: (request: AwsRequest, before: number) => AwsAnswer | null,
): Promise<AwsAnswers> {
  const requests: AwsRequest[] = []
  const server = createServer(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    const request = readRequest(incoming.headers, body)
    const said = answer(request, requests.filter((item) => item.operation === request.operation).length)
    requests.push(request)
    if (said === null) return void incoming.socket.destroy()
    if (said.after !== undefined) await new Promise((resolve) => setTimeout(resolve, said.after))
    outgoing.writeHead(said.status ?? 200, { 'content-type': 'text/xml', ...said.headers })
    outgoing.end(said.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
