import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** What has the focus, as somebody without a mouse knows it. */
export type Focus = {
  /** The element's tag, in small letters; `body` where nothing has the focus. */
  readonly tag: string;
  /** What it is called: its label, or its text. */
  readonly name: string;
  /** Whether one can see that it has the focus. */
  readonly isVisible: boolean;
  /** Whether it lies on the screen. */
  readonly isOnScreen: boolean;
};

const FOCUS = `(() => {
  const element = document.activeElement ?? document.body;
  // A link that stands for its row is marked at the row.
  // The browser marks the parts of its own date field, out of sight of the page.
  const isMarked = element.matches('input[type=date]') || [element, element.closest('tr')].some((each) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(each ?? document.body);
    return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
  });
  const label = element.labels?.[0]?.cloneNode(true);
  label?.querySelectorAll('select, input, textarea').forEach((control) => control.remove());
  const box = element.getBoundingClientRect();
  return {
    tag: element.localName,
    name: (element.ariaLabel ?? label?.textContent ?? element.textContent).replaceAll(/\\s+/g, ' ').trim(),
    isVisible: isMarked,
    isOnScreen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
})()`;

/** Reads what has the focus. */
export async function focusOf(page: Page): Promise<Focus> {
  return await page.evaluate<Focus>(FOCUS);
}

/** More stops than any page has. */
const MANY = 120;

/** Goes on with Tab to something by its name, and says what was passed; at every stop one sees where one is. */
export async function tabTo(
  page: Page,
  name: string | RegExp,
  key: 'Tab' | 'Shift+Tab' = 'Tab',
): Promise<readonly string[]> {
  const passed: string[] = [];
  for (let stops = 0; stops < MANY; stops += 1) {
    await page.keyboard.press(key);
    const focus = await focusOf(page);
    expect(focus, `after ${passed.join(', ')}`).toMatchObject({
      isVisible: true,
      isOnScreen: true,
    });
    passed.push(focus.name);
    if (typeof name === 'string' ? focus.name === name : name.test(focus.name)) {
      return passed;
    }
  }
  throw new Error(`Tab never comes to ${String(name)}; it came to: ${passed.join(' | ')}`);
}
