/** What an author or a reviewer wrote, as text: paragraphs and line breaks, and nothing else. */
export function Prose({ text }: { readonly text: string }) {
  return (
    <div className="prose">
      {text.split(/\n{2,}/).map((paragraph, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- paragraphs have nothing but their place
        <p key={index}>{paragraph}</p>
      ))}
    </div>
  );
}
