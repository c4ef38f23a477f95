// A button that copies a text. The page's script shows it, since it does nothing without one.

export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <button type="button" class="copy" data-copy={text} hidden>
      Copy<span class="hidden"> {what}</span>
    </button>
  );
}
