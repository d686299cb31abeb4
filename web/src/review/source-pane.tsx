import { useEffect, useMemo, useState } from 'react';
import { Button } from '../ui/button.js';
import { Icon } from '../ui/icon.js';
import { readSource } from './source.js';

/** The document that the run was about, beside what was made of it. */
export function SourcePane({ source }: { readonly source: string }) {
  const read = useMemo(() => readSource(source), [source]);
  const [isOpen, setOpen] = useState(true);
  return (
    <section className="panel source" aria-labelledby="source-title">
      <header className="panel-head">
        <h2 id="source-title">Source document</h2>
        <Button look="ghost" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? 'Hide' : 'Show'}
        </Button>
      </header>
      {isOpen && read.kind === 'text' && (
        <pre className="source-text" tabIndex={0} aria-label="The source document's text">
          {read.text}
        </pre>
      )}
      {isOpen && (read.kind === 'pdf' || read.kind === 'image') && (
        <Binary kind={read.kind} type={read.type} bytes={read.bytes} />
      )}
      {isOpen && read.kind === 'link' && (
        <p className="panel-empty">
          <a href={read.url.href} target="_blank" rel="noreferrer noopener">
            Open the document <Icon name="outside" />
          </a>
          <span className="link-host">at {read.url.host}</span>
        </p>
      )}
      {isOpen && read.kind === 'unknown' && (
        <p className="panel-empty">
          {read.text === null
            ? 'The run supplied a document of a kind that cannot be shown here.'
            : `The run names it: ${read.text}`}
        </p>
      )}
    </section>
  );
}

/** A document of bytes gets an address of its own for as long as it is shown. */
function Binary({
  kind,
  type,
  bytes,
}: {
  readonly kind: 'pdf' | 'image';
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}) {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([bytes], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes, type]);
  if (url === null) {
    return null;
  }
  return (
    <>
      {kind === 'image' ? (
        <img className="source-image" src={url} alt="The source document" />
      ) : (
        <iframe className="source-frame" src={url} title="The source document" />
      )}
      <p className="panel-foot">
        <a href={url} target="_blank" rel="noreferrer noopener">
          Open it in a tab of its own <Icon name="outside" />
        </a>
      </p>
    </>
  );
}
