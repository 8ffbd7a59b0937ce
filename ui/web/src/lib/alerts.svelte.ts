// The alerts as they were after the step that is shown. Those of the latest step come with the stream.
import { Asked } from './ask.svelte'
import { live, type AlertRow } from './live.svelte'
import { place } from './route.svelte'

export class Alerts {
  #then = new Asked('/alerts', () => ((live.replay || live.kept) && live.tick >= 0 ? { run: place.now.run, tick: live.tick } : null), 300)
  get rows(): AlertRow[] {
    return live.replay || live.kept ? (this.#then.data?.alerts ?? []) : [...live.alerts.values()]
  }
}
