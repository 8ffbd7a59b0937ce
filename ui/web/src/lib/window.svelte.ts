// The period that charts show: one choice for all pages.
import { live } from './live.svelte'
import { place } from './route.svelte'

export type Span = 'day' | 'week' | 'run'

class Window {
  span: Span = $state('day')

  /** The step that is shown: a past one or the newest. */
  get tick() {
    return place.now.tick ?? Math.max(0, live.tick)
  }
  get perDay() {
    return Math.max(1, Math.round(86400 / live.step))
  }
  /** First tick of the axis. */
  get from() {
    const n = this.span === 'week' ? 7 * this.perDay : this.perDay
    return this.span === 'run' ? 0 : Math.floor(this.tick / n) * n
  }
  /** One past the last tick of the axis, which includes the future. */
  get to() {
    const n = this.span === 'week' ? 7 * this.perDay : this.perDay
    return this.span === 'run' ? Math.max(1, live.steps) : Math.min(Math.max(1, live.steps), this.from + n)
  }
  /** One past the last tick that was made and is shown. */
  get made() {
    return Math.min(this.to, this.tick + 1)
  }
  get word() {
    return { day: 'the day', week: 'the week', run: 'the run' }[this.span]
  }
}
export const window_ = new Window()
