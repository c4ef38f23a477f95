// An error of the API: code, message, and the RequestId that Alibaba Cloud's support asks for.
import type { PollError } from '../../model/scan.ts';
import { CopyButton } from './copy-button.tsx';

export function ErrorText({ error: { code, message, requestId } }: { readonly error: PollError }) {
  return (
    <>
      <code class="code">{code}</code> <bdi class="message">{message}</bdi>
      {requestId === '' ? null : (
        <span class="request">
          {' '}
          RequestId <code class="request-id">{requestId}</code>
          <CopyButton text={requestId} what={`RequestId ${requestId}`} />
        </span>
      )}
    </>
  );
}
