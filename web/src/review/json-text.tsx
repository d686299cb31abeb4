import type { JsonObject } from '../api/wire.js';
import { announce } from '../app/announce.js';
import { Button } from '../ui/button.js';

/** A snapshot as the JSON that it is. */
export function JsonText({ value }: { readonly value: JsonObject }) {
  const text = JSON.stringify(value, null, 2);
  return (
    <div className="json">
      <div className="json-tools">
        <Button
          look="ghost"
          onClick={() => {
            navigator.clipboard.writeText(text).then(
              () => announce('Copied.'),
              () => announce('The browser does not allow copying here.', 'bad'),
            );
          }}
        >
          Copy
        </Button>
      </div>
      <pre tabIndex={0} aria-label="The snapshot as JSON">
        {text}
      </pre>
    </div>
  );
}
