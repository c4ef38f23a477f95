// Whether CHANGELOG.md describes a version.

type Section = { readonly heading: string; readonly lines: readonly string[] };

/** The mistakes in the changelog for a release of this version. */
export function changelogProblems(changelog: string, version: string): readonly string[] {
  const sections = sectionsOf(changelog);
  const section = sections.find(({ heading }) => heading.startsWith(`[${version}]`));
  if (section === undefined) return [`expected a section "## [${version}] - YYYY-MM-DD", found none`];
  const problems: string[] = [];
  const [, date] = /^\[[^\]]+\] - (.*)$/.exec(section.heading) ?? [];
  if (!isDate(date)) problems.push(`expected a date behind [${version}], found ${date ?? 'none'}`);
  if (!section.lines.some((line) => line.startsWith('- ')))
    problems.push(`expected changes in [${version}], found none`);
  const [newest] = sections.filter(({ heading }) => heading !== '[Unreleased]');
  if (newest !== section) problems.push(`expected [${version}] above all other versions, found ${newest?.heading}`);
  return [...problems, ...unreleasedProblems(sections)];
}

function unreleasedProblems(sections: readonly Section[]): readonly string[] {
  const index = sections.findIndex(({ heading }) => heading === '[Unreleased]');
  if (index > 0) return ['expected [Unreleased] above all versions, found it below one'];
  const left = sections[index]?.lines.find((line) => line.trim() !== '');
  return left === undefined ? [] : [`expected nothing below [Unreleased], found ${left}`];
}

function sectionsOf(changelog: string): readonly Section[] {
  return changelog
    .split(/^## /m)
    .slice(1)
    .map((text) => {
      const [heading = '', ...lines] = text.split('\n');
      return { heading: heading.trimEnd(), lines };
    });
}

/** Whether this is a valid date. */
function isDate(text = ''): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
