// The page at `/`: what this is, how it stands, and where the rest is.

export type LandingPage = {
  readonly version: string;
  readonly revision: string;
  readonly telemetryPath: string;
  readonly ready: boolean;
  /** Watched tags by scan status. */
  readonly tags: Readonly<Record<string, number>>;
};

/** The page as HTML. Everything that comes from outside is escaped. */
export function renderLandingPage({ version, revision, telemetryPath, ready, tags }: LandingPage): string {
  const rows = Object.entries(tags).map(
    ([status, count]) => html`<tr><th scope="row">${status}</th><td>${count}</td></tr>`,
  );
  const links = [telemetryPath, '/-/healthy', '/-/ready'].map((path) => html`<li><a href="${path}">${path}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>acr-scan-exporter</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
th, td { padding: .15rem 1rem .15rem 0; text-align: left; }
td { text-align: right; font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
<main>
<h1>acr-scan-exporter</h1>
<p>${html`Version ${version}${revision === '' ? '' : `, revision ${revision}`}. ${ready ? 'Polling runs.' : 'Polling does not run yet.'}`}</p>
<h2>Watched image tags by scan status</h2>
<table><tbody>${rows.join('')}</tbody></table>
<h2>Pages</h2>
<ul>${links.join('')}</ul>
</main>
</body>
</html>
`;
}

/** A template tag that escapes every value. */
function html(literals: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: literals }, ...values.map((value) => escapeHtml(String(value))));
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
