// Checks the files in the package of `npm pack`.

/** Files that may be in it. */
const KINDS = [
  /^package\.json$/,
  /^dist\/.*\.js$/,
  /^dist\/web\/assets\/[\w-]+\.(js|css)$/,
  /^dist\/build-info\.json$/,
  /^docs\/[\w-]+\.(md|schema\.json)$/,
  /^docs\/images\/[\w-]+\.(png|svg)$/,
  /^grafana\/[\w/-]+\.(json|yml)$/,
  /^deploy\/systemd\/[\w-]+\.service$/,
];

/** Files that must be in it, besides the programs. No other file of config/ may be in it: a private configuration has secrets. */
const NEEDED = [
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'README.zh-CN.md',
  'THIRD-PARTY-LICENSES.md',
  'config/acr-scan-exporter.schema.json',
  'config/acr-scan-exporter.yml',
  'config/alertmanager/alertmanager.yml',
  'config/demo-scenario.yml',
  'config/demo.yml',
  'config/prometheus/prometheus.yml',
  'config/prometheus/rules.yml',
  'deploy/systemd/acr-scan-exporter.service',
  'dist/build-info.json',
  'dist/demo.js',
  'docs/configuration.md',
  'docs/metrics.md',
  'grafana/acr-scan-exporter.json',
  'grafana/acr-scan-overview.json',
];

export type PackageListing = {
  /** Paths in the package. */
  readonly files: readonly string[];
  /** Paths of the programs. */
  readonly programs: readonly string[];
  /** Paths below src/. */
  readonly sources: readonly string[];
};

/** The mistakes in the files of the package. */
export function contentProblems({ files, programs, sources }: PackageListing): readonly string[] {
  const compiled = new Set(sources.map((source) => `dist/${source.replace(/\.tsx?$/, '.js')}`));
  return [
    ...[...NEEDED, ...programs, ...compiled].filter((path) => !files.includes(path)).map((path) => `${path}: missing`),
    ...files
      .filter((path) => !NEEDED.includes(path) && !KINDS.some((kind) => kind.test(path)))
      .map((path) => `${path}: not needed`),
    ...files
      .filter((path) => /^dist\/.*\.js$/.test(path) && !compiled.has(path))
      .map((path) => `${path}: of no source; npm run build`),
  ];
}
