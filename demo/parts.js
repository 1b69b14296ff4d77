/** Finds the named parts of a piece of the page, and switches its buttons. */

/** The elements inside `root` that have a `data-part`, by that name. */
export function findParts(root) {
  return Object.fromEntries(
    Array.from(root.querySelectorAll('[data-part]'), (element) => [element.dataset.part, element]),
  )
}

/** Calls `action` on a click, unless the button is switched off. */
export function onPress(button, action) {
  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') action()
  })
}

/** Switches a button on or off. It stays in the order of focus: who has just pressed it must not be thrown to the top. */
export function setEnabled(button, enabled) {
  button.setAttribute('aria-disabled', String(!enabled))
}

/** Writes a notice, whose tone (`calm`, `gap` or `bad`) colours it. */
export function setNotice(element, text, tone = 'calm') {
  element.textContent = text
  element.dataset.tone = tone
}
