/** Helpers for a page's elements: find them by name, set up buttons, and show notices. */

/** Returns the elements inside `root` that have a `data-part` attribute, keyed by its value. */
export function findParts(root) {
  return Object.fromEntries(
    Array.from(root.querySelectorAll('[data-part]'), (element) => [element.dataset.part, element]),
  )
}

/** Calls `action` on a click, unless the button is disabled. */
export function onPress(button, action) {
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') action()
  })
}

/** Enables or disables a button. Uses `aria-disabled`, so that a button that was just pressed keeps focus. */
export function setEnabled(button, enabled) {
  button.setAttribute('aria-disabled', String(!enabled))
}

/** How long a notice is shown that reports something over and done with. */
export const BRIEFLY_MS = 8_000

const timers = new WeakMap()

/** Shows a notice, for `duration` milliseconds; its tone (`calm`, `gap` or `bad`) sets the color. */
export function setNotice(element, text, tone = 'calm', duration = Infinity) {
  clearTimeout(timers.get(element))
  element.textContent = text
  element.dataset.tone = tone
  if (duration < Infinity)
    timers.set(
      element,
      setTimeout(() => setNotice(element, ''), duration),
    )
}
