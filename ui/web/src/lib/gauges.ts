// Gauges: figures that a twin, or a device of a home, has beside its powers.
import type { GaugeInfo } from './api'

/** The gauges of one device of a home, by its name; without one, those of the twin itself. */
export function gaugesOf(all: GaugeInfo[], device = ''): GaugeInfo[] {
  return all.filter((g) => (g.name.includes('.') ? g.name.slice(0, g.name.indexOf('.')) : '') === device)
}

/** Those with a value: what a twin does not have, or not in this step, as a plant without a reservoir its stored water, is left out. */
export const had = (all: GaugeInfo[]) => all.filter((g) => g.text)

/** Gauges that have a value, in one line: "Connector charging, leaves in 3 h 20 min". */
export function gaugeLine(all: GaugeInfo[]): string {
  const line = had(all)
    .map(
      (g) =>
        `${g.label
          .slice(g.label.indexOf(': ') + 1)
          .trim()
          .toLowerCase()} ${g.text}`,
    )
    .join(', ')
  return line.charAt(0).toUpperCase() + line.slice(1)
}
