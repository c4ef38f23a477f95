// Finds references of images where a name or a tag belongs, and says how to write what they mean.
import { mayBeSecret, type Path } from '../util/yaml/descriptions.ts';
import type { YamlDocument } from '../util/yaml/document.ts';

/** `[REGISTRY/][NAMESPACE/]NAME[:TAG][@sha256:DIGEST]`, and such a part alone that no name and no tag can be. */
const REFERENCE =
  /^(?:(?<registry>[\w-]+(?:\.[\w-]+)*(?::\d+)?)\/(?=.+\/))?(?:(?<namespace>[\w.-]+)\/)?(?<name>[\w.-]+)(?::(?<tag>[\w.-]+))?(?:@(?<digest>sha256:[0-9a-f]+))?$/;

/** The same with `*` and `?`, as a pattern would have it. */
const PATTERN = new RegExp(REFERENCE.source.replaceAll('[\\w.-]', '[\\w.*?-]'));

/** What each pattern of a rule of discovery may be alone. */
const PATTERNS = {
  namespaces: 'a pattern of namespaces alone',
  repositories: 'a pattern of names alone',
  exclude_repositories: 'a pattern of names alone',
  tags: 'a pattern of tags alone',
  exclude_tags: 'a pattern of tags alone',
} as const;

/** Reports each name and tag of the listed repositories, and each pattern of discovery, that is a reference. */
export function reportImageReferences(document: YamlDocument): void {
  for (const [index, instance] of listAt(document.value, 'instances').entries()) {
    for (const [at, repository] of listAt(instance, 'repositories').entries()) {
      const path: Path = ['instances', index, 'repositories', at];
      const namespace: unknown = Reflect.get(Object(repository), 'namespace');
      const name: unknown = Reflect.get(Object(repository), 'name');
      check(namespace, [...path, 'namespace'], 'the namespace alone');
      if (!isPath(name) || isBeyondName(name.split('/'), namespace)) check(name, [...path, 'name'], 'the name alone');
      for (const [n, tag] of listAt(repository, 'tags').entries()) {
        if (typeof tag === 'string') check(tag, [...path, 'tags', n], 'a tag alone');
        else check(Reflect.get(Object(tag), 'tag'), [...path, 'tags', n, 'tag'], 'a tag alone');
      }
    }
    for (const [at, rule] of listAt(instance, 'discover').entries()) {
      for (const [key, expected] of Object.entries(PATTERNS)) {
        for (const [n, pattern] of listAt(rule, key).entries()) {
          const isRepository = key.endsWith('repositories');
          if (isRepository && isPath(pattern) && !isBeyondPattern(pattern, listAt(rule, 'namespaces'))) continue;
          tell(pattern, ['instances', index, 'discover', at, key, n], expected, PATTERN, (parts) => asRule(key, parts));
        }
      }
    }
  }

  function check(value: unknown, path: Path, expected: string): void {
    tell(value, path, expected, REFERENCE, path.includes('tags') ? asTag : asRepository);
  }

  function tell(value: unknown, path: Path, expected: string, form: RegExp, instead: (parts: Parts) => string): void {
    const parts = typeof value === 'string' && /[/:@]/.test(value) ? form.exec(value)?.groups : undefined;
    if (parts === undefined) return;
    const advice = mayBeSecret(String(value)) ? '' : ` (write ${instead(parts)})`;
    document.report(path, `${expected}${advice}`, 'the reference of an image');
  }
}

/** Slashes alone make no reference of a name: a repository may be called so. */
function isPath(name: unknown): name is string {
  return typeof name === 'string' && !/[:@]/.test(name);
}

/** The same of a pattern, which may be for several namespaces. */
function isBeyondPattern(pattern: string, namespaces: readonly unknown[]): boolean {
  const parts = pattern.split('/');
  const given = namespaces.length === 0 ? ['*'] : namespaces;
  return given.some((namespace) => isBeyondName(parts, namespace));
}

/** Whether a path begins with the host of a registry, repeats its namespace, or stands where no namespace is given. */
function isBeyondName([first = '', ...rest]: readonly string[], namespace: unknown): boolean {
  if (rest.length === 0) return false;
  const isHost = first.endsWith('.aliyuncs.com') || (first.includes('.') && rest[0] === namespace);
  return isHost || first === namespace || typeof namespace !== 'string' || namespace === '';
}

type Parts = Readonly<Record<string, string | undefined>>;

/** In `v1@sha256:…` what looks like a name is the tag. */
function asTag({ namespace, name, tag, digest }: Parts): string {
  const meant = tag ?? (namespace === undefined ? name : undefined) ?? 'TAG';
  return digest === undefined ? meant : `{ tag: ${meant}, digest: "${digest}" }`;
}

function asRepository({ namespace, name, tag }: Parts): string {
  const keys = [namespace && `namespace: ${namespace}`, `name: ${name}`, tag && `tags: [${tag}]`];
  return keys.filter(Boolean).join(', ');
}

/** What is left out is left out of all namespaces, or of all repositories. */
function asRule(key: string, { namespace, name, tag, digest }: Parts): string {
  const isTag = digest !== undefined && tag === undefined && namespace === undefined;
  const [repository, tagOf] = isTag ? [undefined, name] : [name, tag];
  const keys = key.startsWith('exclude_')
    ? { [key]: key === 'exclude_tags' ? (tagOf ?? 'TAG') : (repository ?? 'NAME') }
    : { namespaces: namespace, repositories: repository, tags: tagOf };
  return Object.entries(keys)
    .flatMap(([each, pattern]) => (pattern === undefined ? [] : `${each}: [${JSON.stringify(pattern)}]`))
    .join(', ');
}

function listAt(map: unknown, key: string): readonly unknown[] {
  const value: unknown = Reflect.get(Object(map), key);
  return Array.isArray(value) ? value : [];
}
