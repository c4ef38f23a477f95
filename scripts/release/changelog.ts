// Whether CHANGELOG.md tells of a version.

/** What is wrong with the changelog for a release of this version. */
export function changelogProblems(changelog: string, version: string): readonly string[] {
  const sections = changelog.split(/^## /m).slice(1);
  const section = sections.find((each) => each.startsWith(`[${version}]`));
  if (section === undefined) return [`expected a section "## [${version}] - YYYY-MM-DD", found none`];
  const [heading = '', ...lines] = section.split('\n');
  const problems: string[] = [];
  if (!/^\[[^\]]+\] - \d{4}-\d{2}-\d{2}$/.test(heading))
    problems.push(`expected a date behind [${version}], found none`);
  if (!lines.some((line) => line.startsWith('- '))) problems.push(`expected changes in [${version}], found none`);
  return problems;
}
