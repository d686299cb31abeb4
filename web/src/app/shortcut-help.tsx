import { Dialog } from '../ui/dialog.js';
import { activeShortcuts } from './shortcuts.js';

const NAMES: Readonly<Record<string, string>> = { Enter: 'Enter', ' ': 'Space' };

/** The list of every key that works on the present page. */
export function ShortcutHelp({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <div className="shortcut-groups">
        {activeShortcuts()
          .filter(({ list }) => list.length > 0)
          .map(({ name, list }) => (
            <section key={name}>
              <h3 className="label">{name}</h3>
              <dl className="shortcuts">
                {list.map(({ key, does }) => (
                  <div key={key}>
                    <dt>{does}</dt>
                    <dd>
                      <kbd>{NAMES[key] ?? key}</kbd>
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
      </div>
      <p className="quiet">Keys do nothing while you type, or while a dialog is open.</p>
    </Dialog>
  );
}
