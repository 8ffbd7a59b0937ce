// Two ways to draw the same scene: WebGL2 where there is a graphics processor, otherwise Canvas2D, which is faster than
// WebGL2 on the main processor. This file draws lines and marks and does not depend on what they mean.

/** Lines of 6 numbers x0 y0 x1 y1 width flow, marks of 5 numbers x y radius shape edge; all in pixels, a colour for each. */
export interface Scene {
  lines: Float32Array
  lineColours: Uint8Array // r g b a each
  marks: Float32Array
  markColours: Uint8Array
  /** Moves the dashes of lines that flow; seconds. */
  phase: number
}
/*
 * If the next scene has the same array object as lines, they have not changed and are not drawn again.
 */
export const lineSize = 6,
  markSize = 5
/** Shapes: a disc draws power, a diamond feeds in, a ring does neither; squares are plants. */
export const disc = 0,
  diamond = 1,
  ring = 2,
  square = 3

export interface Painter {
  readonly name: 'webgl2' | 'canvas2d'
  resize(width: number, height: number, ratio: number): void
  draw(s: Scene): void
  close(): void
}

/** Whether the browser would run WebGL on the main processor, which takes seven times as long as Canvas2D. */
function software(): boolean {
  const gl = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true })
  if (!gl) return true
  const info = gl.getExtension('WEBGL_debug_renderer_info')
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER))
  gl.getExtension('WEBGL_lose_context')?.loseContext()
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name)
}

export function painter(canvas: HTMLCanvasElement): Painter {
  const gl = software()
    ? null
    : canvas.getContext('webgl2', { failIfMajorPerformanceCaveat: true, antialias: true, premultipliedAlpha: true })
  if (gl) {
    try {
      return new GL(canvas, gl)
    } catch {
      /* the driver failed: the canvas cannot get another context, so a new one is needed */
      const other = canvas.cloneNode() as HTMLCanvasElement
      canvas.replaceWith(other)
      return new Flat(other)
    }
  }
  return new Flat(canvas)
}

const css = (c: Uint8Array, i: number) => `rgba(${c[4 * i]},${c[4 * i + 1]},${c[4 * i + 2]},${(c[4 * i + 3] as number) / 255})`

/** Groups items that look alike, each with its first item, in the order of the first items. */
function alike(colours: Uint8Array, data: Float32Array, size: number, look: (offset: number) => number): [number, number[]][] {
  const groups = new Map<number, [number, number[]]>()
  for (let i = 0, n = data.length / size; i < n; i++) {
    const key =
      (((colours[4 * i]! * 256 + colours[4 * i + 1]!) * 256 + colours[4 * i + 2]!) * 256 + colours[4 * i + 3]!) * 1024 +
      Math.round(look(i * size))
    const g = groups.get(key)
    if (g) g[1].push(i)
    else groups.set(key, [i, [i]])
  }
  return [...groups.values()]
}

/** Marks of up to this radius in device pixels are copied from masks, larger ones are drawn as paths. */
const mostMask = 24

/** How much of each pixel around its middle a mark covers, 0 to 255. */
interface Mask {
  size: number
  from: number
  cover: Uint8Array
}
const masks = new Map<number, Mask>()

/** The mask of a mark whose middle lies at a quarter of a pixel; all in device pixels. */
function mask(shape: number, r4: number, edge4: number, x4: number, y4: number): Mask {
  const key = (((shape * 128 + r4) * 64 + edge4) * 4 + x4) * 4 + y4
  let m = masks.get(key)
  if (!m) {
    const r = r4 / 4,
      half = Math.ceil(r * 1.3 + edge4 / 8 + 1),
      size = 2 * half + 1
    m = { size, from: -half, cover: new Uint8Array(size * size) }
    for (let j = 0; j < size; j++) {
      for (let i = 0; i < size; i++) {
        const a = Math.min(1, Math.max(0, 0.5 - outside(shape, i - half + 0.5 - x4 / 4, j - half + 0.5 - y4 / 4, r, edge4 / 4)))
        m.cover[j * size + i] = Math.round(255 * a)
      }
    }
    masks.set(key, m)
  }
  return m
}

/** Distance of a point to the edge of a mark in pixels, + outside; the same formula as in the fragment shader. */
function outside(shape: number, x: number, y: number, r: number, edge: number): number {
  switch (shape) {
    case diamond:
      return (Math.abs(x) + Math.abs(y) - 1.25 * r) * Math.SQRT1_2
    case ring:
      return Math.abs(Math.hypot(x, y) - r) - edge / 2
    case square:
      return Math.max(Math.abs(x), Math.abs(y)) - r
    default:
      return Math.hypot(x, y) - r
  }
}

const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1

/** Blends marks over r g b a pixels with alpha not premultiplied. */
export class Stamp {
  pixels: ImageData | null = null
  #of = new Uint32Array(0)
  clear(width: number, height: number) {
    if (this.pixels?.width !== width || this.pixels.height !== height) {
      this.pixels = new ImageData(width, height)
      this.#of = new Uint32Array(this.pixels.data.buffer)
    } else this.#of.fill(0)
  }
  /** Position, radius and edge in device pixels. */
  put(x: number, y: number, r: number, shape: number, edge: number, red: number, green: number, blue: number, alpha: number) {
    const width = this.pixels!.width,
      height = this.pixels!.height
    const x4 = Math.round(4 * x),
      y4 = Math.round(4 * y)
    const m = mask(shape, Math.round(4 * r), shape === ring ? Math.min(63, Math.round(4 * edge)) : 0, x4 & 3, y4 & 3)
    const left = (x4 >> 2) + m.from,
      top = (y4 >> 2) + m.from
    const i0 = Math.max(0, -left),
      i1 = Math.min(m.size, width - left),
      j1 = Math.min(m.size, height - top)
    const tint = little ? (blue << 16) | (green << 8) | red : (red << 24) | (green << 16) | (blue << 8)
    for (let j = Math.max(0, -top); j < j1; j++) {
      const row = (top + j) * width + left,
        from = j * m.size
      for (let i = i0; i < i1; i++) {
        const cover = m.cover[from + i]!
        if (cover === 0) continue
        const a = cover * alpha
        const below = this.#of[row + i]!
        if (below === 0 || a >= 254.5) {
          this.#of[row + i] = (little ? (Math.round(a) << 24) | tint : tint | Math.round(a)) >>> 0
          continue
        }
        this.#over(4 * (row + i), a / 255, red, green, blue)
      }
    }
  }
  #over(at: number, a: number, red: number, green: number, blue: number) {
    const d = this.pixels!.data,
      under = (d[at + 3]! / 255) * (1 - a),
      all = a + under
    d[at] = (red * a + d[at]! * under) / all
    d[at + 1] = (green * a + d[at + 1]! * under) / all
    d[at + 2] = (blue * a + d[at + 2]! * under) / all
    d[at + 3] = 255 * all
  }
}

export class Flat implements Painter {
  readonly name = 'canvas2d'
  #c: CanvasRenderingContext2D
  #ratio = 1
  #stamp = new Stamp()
  #stamped: HTMLCanvasElement | null = null
  /** The canvas with the lines drawn last, and their array. */
  #still: HTMLCanvasElement | null = null
  #lines: Float32Array | null = null
  constructor(private canvas: HTMLCanvasElement) {
    const c = canvas.getContext('2d')
    if (!c) throw new Error('this browser draws no canvas')
    this.#c = c
  }
  resize(width: number, height: number, ratio: number) {
    this.canvas.width = Math.round(width * ratio)
    this.canvas.height = Math.round(height * ratio)
    this.#ratio = ratio
    this.#still = this.#stamped = this.#lines = null
  }
  draw(s: Scene) {
    const c = this.#c
    c.setTransform(1, 0, 0, 1, 0, 0)
    c.clearRect(0, 0, this.canvas.width, this.canvas.height)
    if (s.lines.length > 100 * lineSize && s.lines === this.#lines && this.#still) c.drawImage(this.#still, 0, 0)
    else if (s.lines.length > 100 * lineSize) {
      this.#still ??= this.#like()
      const still = this.#still.getContext('2d') as CanvasRenderingContext2D
      still.setTransform(1, 0, 0, 1, 0, 0)
      still.clearRect(0, 0, this.canvas.width, this.canvas.height)
      this.#strokes(still, s)
      this.#lines = s.lines
      c.drawImage(this.#still, 0, 0)
    } else this.#strokes(c, s)
    this.#marks(s)
  }
  #like() {
    const k = document.createElement('canvas')
    k.width = this.canvas.width
    k.height = this.canvas.height
    return k
  }
  #strokes(c: CanvasRenderingContext2D, s: Scene) {
    c.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0)
    // Lines that look alike are one path: the time goes into calls of stroke, not into points.
    for (const [i, of] of alike(s.lineColours, s.lines, lineSize, (o) => s.lines[o + 4]! * 4 + Math.sign(s.lines[o + 5]!) + 1)) {
      const flow = s.lines[i * lineSize + 5]!
      c.strokeStyle = css(s.lineColours, i)
      c.lineWidth = s.lines[i * lineSize + 4]!
      c.setLineDash(flow === 0 ? [] : [10, 6])
      c.lineDashOffset = flow === 0 ? 0 : -s.phase * 24 * Math.sign(flow)
      c.beginPath()
      for (const k of of) {
        const o = k * lineSize
        c.moveTo(s.lines[o]!, s.lines[o + 1]!)
        c.lineTo(s.lines[o + 2]!, s.lines[o + 3]!)
      }
      c.stroke()
    }
    c.setLineDash([])
  }
  #marks(s: Scene) {
    const c = this.#c,
      ratio = this.#ratio,
      n = s.marks.length / markSize
    let small = 0
    c.setTransform(ratio, 0, 0, ratio, 0, 0)
    for (let k = 0; k < n; k++) {
      const o = k * markSize,
        shape = s.marks[o + 3]!
      if (s.marks[o + 2]! * ratio <= mostMask) {
        small++
        continue
      }
      c.beginPath()
      path(c, shape, s.marks[o]!, s.marks[o + 1]!, s.marks[o + 2]!)
      if (shape === ring) {
        c.strokeStyle = css(s.markColours, k)
        c.lineWidth = s.marks[o + 4] || 1.5
        c.stroke()
      } else {
        c.fillStyle = css(s.markColours, k)
        c.fill()
      }
    }
    if (small === 0) return
    // Ten thousand small marks are blended pixel by pixel: drawn as paths they take ten times as long.
    this.#stamp.clear(this.canvas.width, this.canvas.height)
    for (let k = 0; k < n; k++) {
      const o = k * markSize,
        t = 4 * k
      if (s.marks[o + 2]! * ratio > mostMask) continue
      this.#stamp.put(
        s.marks[o]! * ratio,
        s.marks[o + 1]! * ratio,
        s.marks[o + 2]! * ratio,
        s.marks[o + 3]!,
        (s.marks[o + 4] || 1.5) * ratio,
        s.markColours[t]!,
        s.markColours[t + 1]!,
        s.markColours[t + 2]!,
        s.markColours[t + 3]! / 255,
      )
    }
    this.#stamped ??= this.#like()
    ;(this.#stamped.getContext('2d') as CanvasRenderingContext2D).putImageData(this.#stamp.pixels!, 0, 0)
    c.setTransform(1, 0, 0, 1, 0, 0)
    c.drawImage(this.#stamped, 0, 0)
  }
  close() {
    /* nothing to release */
  }
}

function path(c: CanvasRenderingContext2D, shape: number, x: number, y: number, r: number) {
  if (shape === diamond) {
    const d = r * 1.25
    c.moveTo(x, y - d)
    c.lineTo(x + d, y)
    c.lineTo(x, y + d)
    c.lineTo(x - d, y)
    c.closePath()
  } else if (shape === square) c.rect(x - r, y - r, 2 * r, 2 * r)
  else {
    c.moveTo(x + r, y)
    c.arc(x, y, r, 0, 2 * Math.PI)
  }
}

const lineVertex = `#version 300 es
uniform vec2 size; in vec2 corner; in vec4 ends; in vec2 how; in vec4 colour; out vec4 tint; out vec2 along;
void main() {
  vec2 d = ends.zw - ends.xy; float l = max(length(d), 1e-3); vec2 n = vec2(-d.y, d.x) / l;
  vec2 p = mix(ends.xy, ends.zw, corner.x) + n * corner.y * how.x * 0.5;
  along = vec2(corner.x * l, how.y); tint = colour;
  gl_Position = vec4(p / size * vec2(2, -2) + vec2(-1, 1), 0, 1);
}`
const lineFragment = `#version 300 es
precision mediump float; uniform float phase; in vec4 tint; in vec2 along; out vec4 o;
void main() {
  if (along.y != 0.0 && mod(along.x - phase * 24.0 * sign(along.y), 16.0) > 10.0) discard;
  o = vec4(tint.rgb * tint.a, tint.a);
}`
const markVertex = `#version 300 es
uniform vec2 size; in vec2 corner; in vec3 place; in vec2 how; in vec4 colour; out vec4 tint; out vec2 at; out vec3 what;
void main() {
  float r = place.z * 1.3 + 1.0; at = corner * r; what = vec3(how, place.z); tint = colour;
  gl_Position = vec4((place.xy + at) / size * vec2(2, -2) + vec2(-1, 1), 0, 1);
}`
const markFragment = `#version 300 es
precision mediump float; in vec4 tint; in vec2 at; in vec3 what; out vec4 o;
void main() {
  float r = what.z, d;
  if (what.x == 1.0) d = (abs(at.x) + abs(at.y) - 1.25 * r) * 0.7071;
  else if (what.x == 2.0) d = abs(length(at) - r) - max(what.y, 1.5) * 0.5;
  else if (what.x == 3.0) d = max(abs(at.x), abs(at.y)) - r;
  else d = length(at) - r;
  float a = tint.a * clamp(0.5 - d, 0.0, 1.0);
  o = vec4(tint.rgb * a, a);
}`

class GL implements Painter {
  readonly name = 'webgl2'
  #line
  #mark
  #quad
  #strip
  constructor(
    private canvas: HTMLCanvasElement,
    private gl: WebGL2RenderingContext,
  ) {
    this.#line = this.#program(lineVertex, lineFragment)
    this.#mark = this.#program(markVertex, markFragment)
    this.#quad = this.#buffer(new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]))
    this.#strip = this.#buffer(new Float32Array([0, -1, 1, -1, 0, 1, 1, 1]))
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
  }
  #width = 1
  #height = 1
  resize(width: number, height: number, ratio: number) {
    this.canvas.width = Math.round(width * ratio)
    this.canvas.height = Math.round(height * ratio)
    this.#width = width
    this.#height = height
    this.gl.viewport(0, 0, this.canvas.width, this.canvas.height)
  }
  draw(s: Scene) {
    const gl = this.gl
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    this.#pass(
      this.#line,
      this.#strip,
      s.lines,
      lineSize,
      [
        ['ends', 4, 0],
        ['how', 2, 4],
      ],
      s.lineColours,
      s.phase,
    )
    this.#pass(
      this.#mark,
      this.#quad,
      s.marks,
      markSize,
      [
        ['place', 3, 0],
        ['how', 2, 3],
      ],
      s.markColours,
      s.phase,
    )
  }
  #pass(
    p: WebGLProgram,
    corners: WebGLBuffer,
    data: Float32Array,
    size: number,
    attributes: [string, number, number][],
    colours: Uint8Array,
    phase: number,
  ) {
    const gl = this.gl,
      n = data.length / size
    if (n === 0) return
    gl.useProgram(p)
    gl.uniform2f(gl.getUniformLocation(p, 'size'), this.#width, this.#height)
    gl.uniform1f(gl.getUniformLocation(p, 'phase'), phase)
    const point = (name: string, length: number, type: number, stride: number, offset: number, each: number) => {
      const at = gl.getAttribLocation(p, name)
      if (at < 0) return
      gl.enableVertexAttribArray(at)
      gl.vertexAttribPointer(at, length, type, type === gl.UNSIGNED_BYTE, stride, offset)
      gl.vertexAttribDivisor(at, each)
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, corners)
    point('corner', 2, gl.FLOAT, 0, 0, 0)
    const values = this.#buffer(data),
      tints = this.#buffer(colours)
    gl.bindBuffer(gl.ARRAY_BUFFER, values)
    for (const [name, length, offset] of attributes) point(name, length, gl.FLOAT, size * 4, offset * 4, 1)
    gl.bindBuffer(gl.ARRAY_BUFFER, tints)
    point('colour', 4, gl.UNSIGNED_BYTE, 0, 0, 1)
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, n)
    gl.deleteBuffer(values)
    gl.deleteBuffer(tints)
  }
  #buffer(data: Float32Array | Uint8Array): WebGLBuffer {
    const b = this.gl.createBuffer()
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, b)
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data, this.gl.STREAM_DRAW)
    return b as WebGLBuffer
  }
  #program(vertex: string, fragment: string): WebGLProgram {
    const gl = this.gl,
      p = gl.createProgram()
    for (const [type, text] of [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ] as const) {
      const s = gl.createShader(type) as WebGLShader
      gl.shaderSource(s, text)
      gl.compileShader(s)
      gl.attachShader(p, s)
    }
    gl.linkProgram(p)
    if (!gl.getProgramParameter(p, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(p) ?? 'shaders do not link')
    return p
  }
  close() {
    this.gl.getExtension('WEBGL_lose_context')?.loseContext()
  }
}

const parsed = new Map<string, [number, number, number]>()
/** Parses #rrggbb, or #rgb as a minifier shortens it. */
export function rgb(hex: string): [number, number, number] {
  let c = parsed.get(hex)
  if (!c) {
    const long = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, '$&$&') : hex
    const n = Number.parseInt(long.slice(1, 7), 16)
    parsed.set(hex, (c = [(n >> 16) & 255, (n >> 8) & 255, n & 255]))
  }
  return c
}

/** Collects a scene in arrays that are reused. */
export class Collect {
  #lines = new Float32Array(lineSize * 64)
  #lineColours = new Uint8Array(4 * 64)
  #n = 0
  #marks = new Float32Array(markSize * 64)
  #markColours = new Uint8Array(4 * 64)
  #m = 0
  clear() {
    this.#n = this.#m = 0
  }
  line(x0: number, y0: number, x1: number, y1: number, width: number, flow: number, hex: string, alpha = 1) {
    const k = this.#n++
    if (this.#lines.length < this.#n * lineSize) {
      this.#lines = longer(this.#lines, new Float32Array(2 * this.#lines.length))
      this.#lineColours = longer(this.#lineColours, new Uint8Array(2 * this.#lineColours.length))
    }
    const l = this.#lines,
      o = k * lineSize
    l[o] = x0
    l[o + 1] = y0
    l[o + 2] = x1
    l[o + 3] = y1
    l[o + 4] = width
    l[o + 5] = flow
    tint(this.#lineColours, 4 * k, rgb(hex), alpha)
  }
  mark(x: number, y: number, r: number, shape: number, hex: string, alpha = 1, edge = 0) {
    const k = this.#m++
    if (this.#marks.length < this.#m * markSize) {
      this.#marks = longer(this.#marks, new Float32Array(2 * this.#marks.length))
      this.#markColours = longer(this.#markColours, new Uint8Array(2 * this.#markColours.length))
    }
    const m = this.#marks,
      o = k * markSize
    m[o] = x
    m[o + 1] = y
    m[o + 2] = r
    m[o + 3] = shape
    m[o + 4] = edge
    tint(this.#markColours, 4 * k, rgb(hex), alpha)
  }
  /** Valid until the next clear. */
  get lines() {
    return this.#lines.subarray(0, this.#n * lineSize)
  }
  get lineColours() {
    return this.#lineColours.subarray(0, 4 * this.#n)
  }
  get marks() {
    return this.#marks.subarray(0, this.#m * markSize)
  }
  get markColours() {
    return this.#markColours.subarray(0, 4 * this.#m)
  }
}

function longer<T extends Float32Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}
function tint(of: Uint8Array, at: number, c: [number, number, number], alpha: number) {
  of[at] = c[0]
  of[at + 1] = c[1]
  of[at + 2] = c[2]
  of[at + 3] = Math.round(alpha * 255)
}
