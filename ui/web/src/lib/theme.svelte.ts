// Theme: light, dark, or the system's. Canvases get colours here, because they cannot read CSS themselves.

export type Choice = 'system' | 'light' | 'dark'

/** Cache of the present theme's colours: a map looks up the same few thousands of times. */
const seen = new Map<string, string>()

class Theme {
  choice: Choice = $state('system')
  /** Changes whenever colours do: canvases depend on it. */
  dark = $state(false)
  calm = $state(false)

  constructor() {
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const calm = matchMedia('(prefers-reduced-motion: reduce)')
    try {
      const kept = localStorage.getItem('theme')
      if (kept === 'light' || kept === 'dark') this.choice = kept
    } catch {
      /* storage may be forbidden */
    }
    const look = () => {
      seen.clear()
      this.dark = this.choice === 'dark' || (this.choice === 'system' && dark.matches)
      this.calm = calm.matches
    }
    this.#look = look
    dark.addEventListener('change', look)
    calm.addEventListener('change', look)
    look()
  }

  #look: () => void

  set(choice: Choice) {
    this.choice = choice
    if (choice === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = choice
    try {
      if (choice === 'system') localStorage.removeItem('theme')
      else localStorage.setItem('theme', choice)
    } catch {
      /* storage may be forbidden */
    }
    seen.clear()
    this.#look()
  }
}

export const theme = new Theme()

/** The value of a colour of app.css in the present theme. */
export function colour(name: string): string {
  void theme.dark // makes callers depend on the theme
  let c = seen.get(name)
  if (c === undefined)
    seen.set(
      name,
      (c = getComputedStyle(document.documentElement)
        .getPropertyValue('--' + name)
        .trim()),
    )
  return c
}
