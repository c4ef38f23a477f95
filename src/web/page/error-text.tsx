// An error of the API: code, message, and the RequestId that Alibaba Cloud's support asks for.
import type { PollError } from '../../model/scan.ts';

export function ErrorText({ error: { code, message, requestId } }: { readonly error: PollError }) {
  return (
    <>
      <code class="code">{code}</code> <bdi class="message">{message}</bdi>
      {requestId === '' ? null : (
        <span class="detail">
          RequestId <code class="request-id">{requestId}</code>
          <button type="button" class="copy" data-copy={requestId} hidden>
            Copy<span class="hidden"> RequestId {requestId}</span>
          </button>
        </span>
      )}
    </>
  );
}
