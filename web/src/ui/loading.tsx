/** Stands where something will be; it shows itself only when that takes a while. */
export function Loading({ label }: { readonly label: string }) {
  return (
    <p className="loading" role="status">
      {label}…
    </p>
  );
}
