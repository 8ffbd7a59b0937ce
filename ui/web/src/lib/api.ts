// The client of the REST API. Its types are generated from the server's document; ui/API.md is the reference.
import type { CommandBody, CommandInfo, Deletes, ErrorModel, Gets, Posts } from '../gen/api'
export type * from '../gen/api'

/** The error that the server returned for a request, with its text. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** The query parameters of a route. A value that is null, undefined or empty is left out of the address. */
export type Query<Q> = { [K in keyof Q]: Q[K] | null } & { v?: never }

function address(path: string, query: object): string {
  const q = new URLSearchParams()
  for (const [key, value] of Object.entries(query) as [string, unknown][]) {
    if (Array.isArray(value)) for (const v of value) q.append(key, String(v))
    else if (value !== null && value !== undefined && value !== '') q.set(key, String(value))
  }
  const text = q.toString()
  return '/api/v1' + path + (text ? '?' + text : '')
}

async function ask<T>(method: string, url: string, body?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  let answer: Response
  try {
    answer = await fetch(url, {
      method,
      signal: signal ?? null,
      headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    })
  } catch (e) {
    if (signal?.aborted) throw e
    throw new Problem(0, 'The server does not answer.')
  }
  if (answer.status === 401) location.reload() // the session has ended: the server answers with its form, and then with this page
  if (!answer.ok) throw new Problem(answer.status, await reason(answer))
  if (answer.status === 204) return undefined as T
  return (await answer.json()) as T
}

async function reason(answer: Response): Promise<string> {
  try {
    const p = (await answer.json()) as ErrorModel
    return p.detail || p.title || answer.statusText
  } catch {
    return `The server answered ${answer.status} ${answer.statusText}`
  }
}

/** Reads a route: the type of its answer follows from the path. */
export function get<P extends keyof Gets>(path: P, query: Query<Gets[P]['query']>, signal?: AbortSignal): Promise<Gets[P]['answer']> {
  return ask('GET', address(path, query), undefined, {}, signal)
}

export function post<P extends keyof Posts>(path: P, body: Posts[P]['body'], query: Query<Posts[P]['query']>): Promise<Posts[P]['answer']> {
  return ask('POST', address(path, query), body)
}

export const remove = (path: keyof Deletes) => ask<void>('DELETE', address(path, {}))

/** Sends a command. Its idempotency key makes a retry harmless. */
export function command(body: CommandBody, run = ''): Promise<CommandInfo> {
  return ask('POST', address('/commands', { run }), body, {
    'Idempotency-Key': crypto.randomUUID?.() ?? String(Math.random()).slice(2) + Date.now(),
  })
}
